"""Rows of imported data before anything in them is checked, and what a reader may need besides its source."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.data.clips.labelled_set import Clip, Dropped, Note
from core.data.importers.times import Time
from core.errors import DatasetError
from core.text.scoring import clean

MAX_ROWS = 1_000_000  # of one source; a clip takes about 0.5 kB of memory
FOLDERS_TO_LOOK = 2_000  # before concluding that a format is not there
SOUND_SUFFIXES = frozenset((
    ".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".aac", ".m4a", ".mp4", ".3gp", ".webm", ".mka",
    ".mkv",
))  # fmt: skip

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
        beside: the folder of the list or of the format, where sounds that are not where it says are looked for; or None.
    """

    language: str = "en"
    columns: Mapping[str, str] = field(default_factory=dict)
    tier: str = ""
    work: Path | None = None
    within: Path | None = None
    name: str = ""
    should_stop: Callable[[], bool] = lambda: False
    beside: Path | None = None

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


def stopped(name: str) -> DatasetError:
    """Returns the error of an import that was stopped."""
    return DatasetError("import_stopped", f"The import of {name} was stopped.", name=name)


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
