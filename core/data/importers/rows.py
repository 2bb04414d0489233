"""Rows of imported data, and the one place where a row becomes a clip or is dropped with a reason."""

from __future__ import annotations

import math
import os
import re
import tempfile
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

from core.audio import sound_files
from core.data.clips.labelled_set import CLIP_ID, Clip, Dropped, Note, check_text
from core.data.importers.notes import Tally
from core.data.importers.table_times import is_as_long, was_cut_before
from core.data.importers.times import Parts, Time
from core.errors import AttuneError, DatasetError
from core.text.scoring import clean

MAX_ROWS = 1_000_000  # of one source; a clip takes about 0.5 kB of memory
RECENT = 1_000  # sound files and folders whose look-ups are cached
WHOLE_SECONDS = 0.05  # a part that leaves out less than this of a sound file means all of it
FOLDERS_TO_LOOK = 2_000  # before concluding that a format is not there
SOUND_SUFFIXES = frozenset(
    {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".m4a", ".mp4", ".webm", ".mka", ".mkv"}
)

# What corpora call the three parts.
PART_NAMES = {
    "": "",
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}


@dataclass(frozen=True)
class Row:
    """One row of a source, before anything in it is checked.

    Attributes:
        path: of the sound file.
        text: what is said, as the source writes it.
        where: the row's place in the source, for messages: "clips.tsv, line 3".
        speaker: "" if unknown.
        part: a key of `PART_NAMES`, in any case.
        start: where in the sound file it begins, in seconds.
        end: where it ends, in seconds; None for the file's end.
        made: whether the reader itself wrote the sound file, which then counts as inside the import.
        id: of the clip, if the source is one of our exports; ignored otherwise.
        apart: whether its part must not overlap that of an earlier row. Its times may also tell where in a longer recording
            the sound file was, if it is as long as they say and ends before they do.
        length: what the source says about the length of the sound file; only compared.
    """

    path: str
    text: str
    where: str
    speaker: str = ""
    part: str = ""
    start: float = 0.0
    end: float | None = None
    made: bool = False
    id: str = ""
    apart: bool = False
    length: Time | None = None


Rows = Generator[Row | Dropped | Note, None, None]  # a reader drops what cannot become a row


@dataclass(frozen=True)
class Options:
    """What a reader may need besides the source.

    Attributes:
        language: ISO 639-1 code of the speech.
        columns: our name of a column -> the source's.
        tier: of an annotation.
        work: a folder for files that must be unpacked or cut, or None.
        within: the only folder whose sound files may be used, or None for any.
        name: of the source, for messages.
        should_stop: whether to stop the import; checked at every file, line and block that is read.
    """

    language: str = "en"
    columns: Mapping[str, str] = field(default_factory=dict)
    tier: str = ""
    work: Path | None = None
    within: Path | None = None
    name: str = ""
    should_stop: Callable[[], bool] = lambda: False

    def go_on(self) -> None:
        """Checks whether to continue.

        Raises:
            DatasetError: the import was stopped.
        """
        if self.should_stop():
            raise stopped(self.name)

    def may_use(self, path: Path) -> bool:
        """Whether a file is where this source may look; does not check that it exists."""
        return self.within is None or Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.within))

    def new_folder(self, prefix: str) -> Path:
        """Makes a new folder in `work`.

        Raises:
            ValueError: none was given.
        """
        if self.work is None:
            raise ValueError("this source has to be unpacked or cut: name a folder for that, work=")
        self.work.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=self.work, prefix=f"{prefix}-"))


@dataclass(frozen=True)
class Imported:
    """The result of an import; every row is either a clip or dropped.

    Attributes:
        clips: the usable ones.
        dropped: the others, with reasons.
        format: the source's format.
        notes: what was assumed, and what was not used.
    """

    clips: tuple[Clip, ...]
    dropped: tuple[Dropped, ...]
    format: str
    notes: tuple[Note, ...] = ()


RowProgress = Callable[[int, int | None], None]  # rows done, and the most there can be, if known


def collect(
    rows: Rows,
    name: str,
    format: str,
    options: Options,
    limit: int | None = None,
    progress: RowProgress = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Imported:
    """Checks rows one by one; only a sound file's header is read, or the part that is cut out.

    Args:
        rows: what a reader yields.
        name: of the source, for messages.
        format: of the source.
        options: those of the reader.
        limit: read at most this many rows.
        progress: called after every row.
        should_stop: checked before every row.

    Raises:
        DatasetError: there are no rows, there are too many, or `should_stop` returned True.
        OSError: the disk is full.
    """
    clips: list[Clip] = []
    dropped: list[Dropped] = []
    notes: list[Note] = []
    checker = _Checker(options)
    number = 0
    with closing(rows):
        while number != limit and (row := next(rows, None)) is not None:
            if should_stop():
                raise stopped(name)
            if isinstance(row, Note):
                notes.append(row)
                continue
            number += 1
            if number > MAX_ROWS:
                raise DatasetError(
                    "import_too_many", f"{name} has over {MAX_ROWS} rows. Import a part of it.", name=name, limit=MAX_ROWS
                )
            if isinstance(row, Dropped):
                dropped.append(row)
            else:
                try:
                    clips.append(checker.clip(row))
                except AttuneError as error:
                    dropped.append(Dropped.because(row.path, error, row.where))
            progress(number, limit)
    if not clips and not dropped:
        raise DatasetError("import_no_rows", f"{name} lists no recordings.", name=name)
    return Imported(tuple(clips), tuple(dropped), format, (*notes, *checker.tally.notes()))


def stopped(name: str) -> DatasetError:
    """Returns the error of an import that was stopped."""
    return DatasetError("import_stopped", f"The import of {name} was stopped.", name=name)


Made = TypeVar("Made")


def _remembering(make: Callable[[str], Made]) -> Callable[[str], Made]:
    """Returns a function that caches another's latest results, including errors."""

    @lru_cache(RECENT)
    def outcome(given: str) -> tuple[Made | None, AttuneError | None]:
        try:
            return make(given), None
        except AttuneError as error:
            return None, error

    def remembered(given: str) -> Made:
        made, error = outcome(given)
        if error is not None:
            raise error.with_traceback(None)  # it would grow with every row
        return cast(Made, made)

    return remembered


class _Checker:
    """Makes clips from rows and remembers which recordings it has seen.

    Many rows may point at one sound file, and nearly all at few folders, so look-ups are cached.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.within = None if options.within is None else os.path.realpath(options.within)
        self.seen: set[str | tuple[str, float, float]] = set()
        self.ids: set[str] = set()  # that came with the source
        self.pieces: Path | None = None
        self.parts = Parts()
        self.tally = Tally()
        self._found = _remembering(self._find)
        self._probed = _remembering(lambda sound: sound_files.probe(sound, sound_files.MAX_SOURCE_BYTES))
        self._checked = _remembering(lambda sound: sound_files.check(sound, info=self._probed(sound)))
        self._real_folder = lru_cache(RECENT)(os.path.realpath)

    def clip(self, row: Row) -> Clip:
        part = PART_NAMES.get(row.part.strip().lower())
        if part is None:
            name = shown(row.part)
            raise DatasetError("row_part", f"the part is train, validation or test, not {name!r}.", name=name)
        text = check_text(row.text, self.options.language, "this row")
        sound = self._real(row.path) if row.made else self._found(row.path)
        start, end = row.start, math.inf if row.end is None else row.end
        if row.apart and was_cut_before(self._probed(sound), start, end):
            start, end = 0.0, math.inf
            self.tally.add("rows_cut_before", row.where)
        key = sound if start == 0 and math.isinf(end) else (sound, start, end)
        if key in self.seen:
            name = os.path.basename(sound)
            raise DatasetError("row_duplicate", f"{name} is listed twice; only the first is kept.", name=name)
        whole = self._is_whole(sound, start, end)
        path = sound if whole else self._cut(Path(sound), start, end)
        if row.apart and (other := self.parts.add(sound, start, end)):
            raise DatasetError(
                "row_overlap",
                f"its times overlap those of another row, {other[0]:.2f} to {other[1]:.2f} s; only the first is kept.",
                start=round(other[0], 2),
                end=round(other[1], 2),
            )
        if whole and row.length and not is_as_long(self._probed(sound), row.length):
            self.tally.add("rows_length", row.where)
        self.seen.add(key)
        id = row.id if CLIP_ID.fullmatch(row.id) and row.id not in self.ids else ""
        self.ids |= {id} - {""}
        return Clip(path, text, clean(row.speaker), part, id)

    def info(self, path: str) -> sound_files.AudioInfo:
        """Returns what the header of a row's sound says.

        Raises:
            AttuneError: it cannot be used.
        """
        return self._probed(self._found(path))

    def _find(self, path: str) -> str:
        """Finds a row's sound: where the row says, or by its name alone in the top folder of the import.

        Files uploaded by a browser come without their folders. Paths with backslashes are understood.

        Returns:
            Its path, absolute and without links.

        Raises:
            DatasetError: there is no such file, or it is outside the imported folder.
        """
        plain = path.replace("\\", "/")
        names = [path] if plain == path else [path, plain]
        inside = "\0" not in path and (self.within is None or all(self._is_inside(self._real(name)) for name in names))
        if inside:
            # Unlike Path.is_file, isfile is also False for a name that no file can have.
            named = next((name for name in names if os.path.isfile(name)), None)
            if named is not None:
                return self._real(named)
        if self.within is not None:
            beside = os.path.join(self.within, plain.rpartition("/")[2])
            if os.path.isfile(beside) and self._is_inside(real := self._real(beside)):
                return real
            if not inside:  # whether a file exists there is not revealed
                raise DatasetError("row_outside", f"{shown(path)} is outside the imported folder.", name=shown(path))
        raise DatasetError("row_no_sound", f"there is no sound file {shown(path)}.", name=shown(path))

    def _is_inside(self, real: str) -> bool:
        return self.within is None or Path(real).is_relative_to(self.within)

    def _real(self, path: str) -> str:
        """Does what os.path.realpath does, with the folders cached."""
        folder, name = os.path.split(path)
        if name in ("", os.curdir, os.pardir) or os.path.islink(path):
            return os.path.realpath(path)
        return os.path.join(self._real_folder(folder), name)

    def _is_whole(self, sound: str, start: float, end: float) -> bool:
        if start != 0:
            return False
        if not math.isinf(end):
            seconds = self._probed(sound).seconds
            if not (seconds - WHOLE_SECONDS <= end <= seconds + sound_files.OVERSHOOT_SECONDS and seconds > 0):
                return False
        self._checked(sound)
        return True

    def _cut(self, sound: Path, start: float, end: float) -> str:
        wave = sound_files.decode(sound, span=(start, end))
        self.pieces = self.pieces or self.options.new_folder("pieces")
        path = self.pieces / f"{file_name(sound.stem)}-{len(self.seen):06}.flac"
        path.write_bytes(sound_files.packed_flac(wave))  # the final copy is flushed to disk, not this one
        return str(path)


def headers(options: Options) -> Callable[[str], sound_files.AudioInfo]:
    """Returns a function that finds a row's sound as `collect` does and returns what its header says, or raises AttuneError."""
    return _Checker(options).info


def shown(text: str) -> str:
    """Returns a source's text in a form safe for messages: short, on one line, nothing invisible."""
    short = clean(text)[:300]
    return text if short == text else short  # the same object, since there may be very many


def file_name(stem: str) -> str:
    """Returns a file name close to `stem` that every file system accepts and no program takes for an option or a formula."""
    return re.sub(r"[^\w.-]+", "_", clean(stem))[:60].strip(".-") or "clip"


def folders_below(
    folder: Path, deep: int | None = None, go_on: Callable[[], None] = lambda: None
) -> Iterator[tuple[Path, list[str]]]:
    """Yields a folder and its subfolders with the names in each, in order, without hidden ones; does not follow links.

    Args:
        folder: where to start.
        deep: how many levels to go down; None for all.
        go_on: called at every folder; raises to stop.
    """
    for at, folders, names in os.walk(folder):
        go_on()
        level = len(Path(at).parts) - len(folder.parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if deep is None or level < deep else []
        yield Path(at), sorted(name for name in names if not name.startswith("."))


def files_below(
    folder: Path, suffixes: Container[str] = SOUND_SUFFIXES, go_on: Callable[[], None] = lambda: None
) -> Iterator[Path]:
    """Yields the files in a folder and its subfolders that end in one of the suffixes, in order; see `folders_below`."""
    for at, names in folders_below(folder, go_on=go_on):
        yield from (at / name for name in names if os.path.splitext(name)[1].lower() in suffixes)


def parts_of(names: Iterable[str]) -> dict[str, str]:
    """Returns the part that each folder or split means by its name, such as "train-clean-100"; "" if all are the same.

    A single part is not a split: if only "train" is imported, some of it should be held out.
    """
    parts = {name: PART_NAMES.get(re.split(r"[^a-z]", name.lower())[0], "") for name in names}
    return parts if len(set(parts.values())) > 1 else dict.fromkeys(parts, "")
