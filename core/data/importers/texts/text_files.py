"""Folders of sounds, each with its text in a file of the same name: a.wav and a.txt, or with times, by which it is cut."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.data.clips.tally import Tally
from core.data.importers.encoding import lines, read_text
from core.data.importers.notes import of_rows
from core.data.importers.rows import FOLDERS_TO_LOOK, SOUND_SUFFIXES, Options, Row, Rows, folders_below
from core.data.importers.texts.subtitles import SUFFIXES as SUBTITLES
from core.data.importers.texts.subtitles import subtitles
from core.data.importers.texts.timed_texts import Piece, labels, looks_timed
from core.errors import DatasetError
from core.text.scoring import MAX_TEXT_CHARACTERS

LEVELS = 2  # such as one folder per speaker
MAX_BYTES = 10 * MAX_TEXT_CHARACTERS
SUFFIXES = SUBTITLES | {".txt"}
LINES_TO_LOOK = 200  # of a text, to tell whether it is a list with times
ENDINGS = 3  # of a text's name at most, as in talk.en.srt.txt
PREFERRED = (".srt", ".vtt", "")  # of several texts of one recording: those with times

_LANGUAGE = re.compile(r"\.([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]+)*")  # as in talk.en.srt and talk.zh-Hans.vtt


@dataclass(frozen=True)
class _Text:
    """A text file: its name, the kind of subtitles that its name says it is ("" if none), and their language."""

    name: str
    kind: str = ""
    language: str = ""


@dataclass
class _Folder:
    """A folder's sounds and texts by the names of the recordings, and texts of no recording."""

    at: Path
    sounds: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, list[_Text]] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def recognises(path: Path) -> bool:
    """Whether this is a text with times, or a folder where a sound, there or below, has a text of the same name."""
    if path.is_file():
        suffix = path.suffix.lower()
        return suffix in SUBTITLES or (suffix == ".txt" and _has_times(path))
    return any(folder.texts for folder in islice(_folders(path, LEVELS), FOLDERS_TO_LOOK))


def rows(path: Path, options: Options) -> Rows:
    """Yields a row per sound, or per part if the text has times; sounds without a text and texts without a sound are dropped.

    A text that is a list with times, but not one that can be read, is never taken as a transcript.
    """
    tally = Tally()
    if path.is_file():
        yield from _one(path, options, tally)
    else:
        for folder in _folders(path, go_on=options.go_on):
            for stem, names in folder.sounds.items():
                file = folder.at / names[0]
                where = str(file.relative_to(path))
                for other in names[1:]:  # one recording in several formats
                    why = f"{where}: {other} is another sound file of this name."
                    yield Dropped(str(folder.at / other), "row_duplicate", why, where)
                if stem in folder.texts:
                    yield from _rows_of(file, folder.at, folder.texts[stem], where, options, tally)
                else:
                    yield Dropped(str(file), "row_no_text", f"{where}: there is no {stem}.txt with its transcript.", where)
            for name in folder.others:
                yield _without_sound(folder.at / name, str((folder.at / name).relative_to(path)))
    yield from of_rows(tally)


def _one(path: Path, options: Options, tally: Tally) -> Rows:
    """Yields the rows of one text with times and the recording beside it."""
    names = [path.name, *(entry.name for entry in path.parent.iterdir() if _is_sound(entry.name) and entry.is_file())]
    folder = _sorted(path.parent, sorted(names))
    if not folder.texts:
        yield _without_sound(path, path.name)
    for stem, texts in folder.texts.items():
        yield from _rows_of(path.parent / folder.sounds[stem][0], path.parent, texts, path.name, options, tally)


def _without_sound(text: Path, where: str) -> Dropped:
    return Dropped(str(text), "row_no_sound", f"{where}: there is no sound file with this name.", where)


def _rows_of(sound: Path, folder: Path, texts: list[_Text], where: str, options: Options, tally: Tally) -> Rows:
    """Yields the rows of one recording."""
    fitting = [text for text in texts if text.language in ("", options.language)]
    chosen = min(fitting or texts, key=lambda text: (not text.language, PREFERRED.index(text.kind), text.name))
    if not fitting:
        why = f"{where}: {chosen.name} is in the language {chosen.language}, and the speech in {options.language}."
        details = {"name": chosen.name, "language": chosen.language, "speech": options.language}
        yield Dropped(str(sound), "row_language", why, where, details)
        return
    for text in texts:
        if text is not chosen:
            tally.add("texts_other", text.name)
    place = str(Path(where).with_name(chosen.name))
    try:
        content = read_text(folder / chosen.name, options.language)
        pieces = _pieces(content, chosen, tally)
        if pieces is None and len(content) > MAX_BYTES:
            raise DatasetError(
                "transcript_too_long", f"{chosen.name} is too long for one recording.", limit=MAX_TEXT_CHARACTERS
            )
    except DatasetError as error:
        yield Dropped.because(str(sound), error, where)
        return
    if pieces is None:
        yield Row(str(sound), content, where)
    for piece in pieces or ():
        options.go_on()
        line = f"{place}, line {piece.line}"
        try:
            start, end = piece.span()
            yield Row(str(sound), piece.text, line, piece.speaker, "", start, end, apart=True)
        except DatasetError as error:
            yield Dropped.because(str(sound), error, line)


def _pieces(content: str, text: _Text, tally: Tally) -> list[Piece] | None:
    """Returns the parts of a text with times; None for a transcript.

    Raises:
        DatasetError: it is a list with times that cannot be read.
    """
    found = subtitles(content)
    if found is not None and (text.kind or all(piece.times for piece in found[0])):
        if found[1]:
            tally.add("texts_scrolling", text.name)
        return found[0]
    pieces = None if text.kind else labels(content)
    if pieces is None and (text.kind or looks_timed(content)):
        raise DatasetError(
            "text_times",
            f"{text.name} is a list with times that cannot be read, and no transcript. Save it as SRT, WebVTT or an Audacity "
            "label track.",
            name=text.name,
        )
    return pieces


def _has_times(path: Path) -> bool:
    """Whether a text is a list with times; a table with a header is not."""
    try:
        content = "".join(islice(lines(path, "en"), LINES_TO_LOOK)).replace("\r\n", "\n")
        return _pieces(content, _Text(path.name), Tally()) is not None
    except DatasetError as error:
        return error.reason == "text_times" and any(map(str.isdecimal, content.strip().partition("\n")[0]))


def _folders(path: Path, deep: int | None = None, go_on: Callable[[], None] = lambda: None) -> Iterator[_Folder]:
    for folder, names in folders_below(path, deep, go_on):
        yield _sorted(folder, names)


def _sorted(at: Path, names: Iterable[str]) -> _Folder:
    """Sorts a folder's files into sounds and texts."""
    folder, texts = _Folder(at), []
    for name in names:
        if _is_sound(name):
            folder.sounds.setdefault(os.path.splitext(name)[0], []).append(name)
        elif os.path.splitext(name)[1].lower() in SUFFIXES:
            texts.append(name)
    for name in texts:
        stem, text = _recording_of(name, folder.sounds)
        if text is None:
            folder.others.append(name)
        else:
            folder.texts.setdefault(stem, []).append(text)
    return folder


def _recording_of(name: str, sounds: Iterable[str]) -> tuple[str, _Text | None]:
    """Returns the recording that a text belongs to: by its name without .txt, .srt, .vtt, a language and the sound's ending."""
    stem, kind, language = name, "", ""
    for _ in range(ENDINGS):
        stem, ending = os.path.splitext(stem)
        lower = ending.lower()
        tongue = _LANGUAGE.fullmatch(ending)
        if lower in SUBTITLES:
            kind = kind or lower
        elif kind and not language and tongue and lower not in SOUND_SUFFIXES:
            language = tongue[1].lower() if len(tongue[1]) == 2 else "?"
        elif lower != ".txt" and lower not in SOUND_SUFFIXES:
            break
        if stem in sounds:
            return stem, _Text(name, kind, language.strip("?"))
    return stem, None


def _is_sound(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in SOUND_SUFFIXES
