"""Folders of sounds, each with its text in a file of the same name: a.wav and a.txt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.data.importers.encoding import read_text
from core.data.importers.rows import FOLDERS_TO_LOOK, SOUND_SUFFIXES, Options, Row, Rows, folders_below
from core.errors import DatasetError
from core.text.scoring import MAX_TEXT_CHARACTERS

LEVELS = 2  # such as one folder per speaker
MAX_BYTES = 10 * MAX_TEXT_CHARACTERS


def recognises(path: Path) -> bool:
    """Whether any sound in this folder or below has a text file of the same name."""
    return any(sounds.keys() & texts.keys() for _, sounds, texts in islice(_folders(path, LEVELS), FOLDERS_TO_LOOK))


def rows(path: Path, options: Options) -> Rows:
    """Yields a row per sound; sounds without a text and texts without a sound are dropped."""
    for folder, sounds, texts in _folders(path, go_on=options.go_on):
        for stem, names in sounds.items():
            file = folder / names[0]
            where = str(file.relative_to(path))
            for other in names[1:]:  # one recording in several formats
                why = f"{where}: {other} is another sound file of this name."
                yield Dropped(str(folder / other), "row_duplicate", why, where)
            if stem not in texts:
                yield Dropped(str(file), "row_no_text", f"{where}: there is no {stem}.txt with its transcript.", where)
                continue
            try:
                text = _read(folder / texts.pop(stem), options.language)
            except DatasetError as error:
                yield Dropped.because(str(file), error, where)
                continue
            yield Row(str(file), text, where)
        for name in texts.values():
            where = str((folder / name).relative_to(path))
            yield Dropped(str(folder / name), "row_no_sound", f"{where}: there is no sound file with this name.", where)


def _folders(
    path: Path, deep: int | None = None, go_on: Callable[[], None] = lambda: None
) -> Iterator[tuple[Path, dict[str, list[str]], dict[str, str]]]:
    """Yields each folder with its sounds and texts by name without suffix."""
    for folder, names in folders_below(path, deep, go_on):
        sounds: dict[str, list[str]] = {}
        texts: dict[str, str] = {}
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in SOUND_SUFFIXES:
                sounds.setdefault(stem, []).append(name)
            elif suffix.lower() == ".txt":
                texts[stem] = name
        yield folder, sounds, texts


def _read(text: Path, language: str) -> str:
    if text.stat().st_size > MAX_BYTES:
        raise DatasetError("transcript_too_long", f"{text.name} is too long for one recording.", limit=MAX_TEXT_CHARACTERS)
    return read_text(text, language)
