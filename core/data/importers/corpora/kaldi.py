"""Kaldi's data folders: wav.scp, text, and optionally utt2spk and segments.

https://kaldi-asr.org/doc/data_prep.html
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import regex

from core.data.clips.labelled_set import Dropped
from core.data.importers.encoding import lines
from core.data.importers.rows import Options, Row, Rows, parts_of, shown

_BETWEEN_CHARACTERS = regex.compile(r"(?<=\p{Han})\s+(?=\p{Han})")
TWICE = "\0"  # marks an id with two different values; no file can have this name


def recognises(path: Path) -> bool:
    """Whether this is a data folder, or contains one per part."""
    return path.is_dir() and bool(_data_folders(path))


def rows(path: Path, options: Options) -> Rows:
    """Yields a row per utterance of `text`; recordings without a text are dropped.

    An entry of wav.scp that is a command, with a pipe, is never run.
    """
    folders = _data_folders(path)
    parts = parts_of(folder.name for folder in folders)
    for folder in folders:
        yield from _folder_rows(folder, options, parts[folder.name])


def joined(text: str) -> str:
    """Removes spaces between Chinese characters, left from word segmentation."""
    return _BETWEEN_CHARACTERS.sub("", text)


def _folder_rows(folder: Path, options: Options, part: str) -> Rows:
    entries = _mapping(folder / "wav.scp", options)
    speakers = _mapping(folder / "utt2spk", options)
    segments = _mapping(folder / "segments", options)
    written: set[str] = set()
    for number, (id, text) in _pairs(folder / "text", options):
        where = f"{folder.name}/text, line {number}"
        recording, *times = (segments.get(id) or "-").split() if segments else (id, "0", "-1")
        entry = entries.get(recording)
        if TWICE in (entry, recording):
            yield Dropped(shown(id), "row_duplicate", f"{where}: {shown(id)} has two different sounds.", where)
        elif id in written:
            why = f"{where}: {shown(id)} is listed twice; only the first is kept."
            yield Dropped(shown(entry or id), "row_duplicate", why, where)
        elif entry is None:
            why = f"{where}: {shown(id)} is not in {'segments' if segments else 'wav.scp'}."
            yield Dropped(shown(id), "row_no_sound", why, where)
        elif entry.endswith("|"):
            why = f"{where}: its sound is a command to run, and none is. Write it to a file first."
            yield Dropped(shown(entry), "row_command", why, where)
        else:
            sound = str(_sound(folder, entry))
            try:
                start, end = map(float, times)
            except ValueError:
                yield Dropped(sound, "row_times", f"{where}: the segment's times are not numbers of seconds.", where)
            else:
                yield Row(sound, joined(text), where, speakers.get(id, ""), part, start, None if end == -1 else end)
        written.add(id)
    for id in [id for id in segments or entries if id not in written]:
        yield Dropped(shown(entries.get(id, id)), "row_no_text", f"{folder.name}: {shown(id)} is not in text.", folder.name)


def _data_folders(path: Path) -> list[Path]:
    there = [path, *sorted(folder for folder in path.iterdir() if folder.is_dir())]
    found = [folder for folder in there if (folder / "wav.scp").is_file() and (folder / "text").is_file()]
    return found[:1] if found[:1] == [path] else found


def _sound(folder: Path, entry: str) -> Path:
    """Finds a sound file: Kaldi's paths are relative to where its recipe runs, often two folders up."""
    found = [at / entry for at in (folder, folder.parent, folder.parent.parent) if os.path.isfile(at / entry)]
    return found[0] if found else folder / entry


def _mapping(path: Path, options: Options) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, (id, value) in _pairs(path, options) if path.is_file() else ():
        found[id] = value if found.get(id, value) == value else TWICE
    return found


def _pairs(path: Path, options: Options) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yields a file's lines with their numbers, each split after its first word."""
    for number, line in enumerate(lines(path, options.language, options.go_on), 1):
        words = line.strip().split(maxsplit=1)
        if words:
            yield number, (words[0], words[1] if len(words) > 1 else "")
