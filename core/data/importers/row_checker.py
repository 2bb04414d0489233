"""The one place where a row of a source becomes a clip or is dropped with a reason."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, cast

from core.audio import sound_files
from core.data.clips.labelled_set import CLIP_ID, Clip, Dropped, Note, check_text
from core.data.clips.tally import Tally
from core.data.importers.notes import of_rows
from core.data.importers.rows import MAX_ROWS, PART_NAMES, Imported, Options, Row, RowProgress, Rows, file_name, shown, stopped
from core.data.importers.sound_lookup import Found, SoundLookup
from core.data.importers.tables.table_times import is_as_long, was_cut_before
from core.data.importers.times import Parts
from core.errors import AttuneError, DatasetError
from core.text.scoring import clean

RECENT = 1_000  # sound files and folders whose look-ups are cached
WHOLE_SECONDS = 0.05  # a part that leaves out less than this of a sound file means all of it


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
    if checker.doubted:
        clips, doubted = checker.certain(clips)
        dropped += doubted
    return Imported(tuple(clips), tuple(dropped), format, (*notes, *of_rows(checker.tally)))


def ambiguous(sound: str, one: str, other: str) -> DatasetError:
    """Returns the error of two rows that could mean the same sound file, which is where neither says."""
    name, one, other = os.path.basename(sound), shown(one), shown(other)
    return DatasetError(
        "row_ambiguous",
        f"there is one {name}, but the list names two: {one} and {other}. Keep the sounds in folders like those in the list.",
        name=name,
        one=one,
        other=other,
    )


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
        self.lookup = SoundLookup(options.within, options.beside)
        self.claims: dict[str, str] = {}  # sound files that are not where a row says -> where that is
        self.guessed: dict[str, tuple[str, str]] = {}  # paths of clips -> such a sound file, and the place of the row
        self.doubted: dict[str, DatasetError] = {}  # such sound files that rows with different paths could mean
        self.seen: set[str | tuple[str, float, float]] = set()
        self.ids: set[str] = set()  # that came with the source
        self.pieces: Path | None = None
        self.parts = Parts()
        self.tally = Tally()
        self._found = _remembering(self._find)
        self._probed = _remembering(lambda sound: sound_files.probe(sound, sound_files.MAX_SOURCE_BYTES))
        self._checked = _remembering(lambda sound: sound_files.check(sound, info=self._probed(sound)))

    def clip(self, row: Row) -> Clip:
        part = PART_NAMES.get(row.part.strip().lower())
        if part is None:
            name = shown(row.part)
            raise DatasetError("row_part", f"the part is train, validation or test, not {name!r}.", name=name)
        text = check_text(row.text, self.options.language, "this row")
        found = Found(self.lookup.real(row.path)) if row.made else self._found(row.path)
        sound = found.path
        if found.guessed:
            self._claim(found, row.path)
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
        if found.guessed:
            self.guessed[path] = sound, row.where
        if found.moved:
            self.tally.add("rows_moved", row.where)
        self.seen.add(key)
        id = row.id if CLIP_ID.fullmatch(row.id) and row.id not in self.ids else ""
        self.ids |= {id} - {""}
        return Clip(path, text, clean(row.speaker), part, id)

    def info(self, path: str) -> sound_files.AudioInfo:
        """Returns what the header of a row's sound says.

        Raises:
            AttuneError: it cannot be used.
        """
        return self._probed(self._found(path).path)

    def _find(self, path: str) -> Found:
        found = self.lookup.find(path)
        if found is None:
            if self.options.within and not self.lookup.may_use(path):  # whether a file exists there is not revealed
                raise DatasetError("row_outside", f"{shown(path)} is outside the imported folder.", name=shown(path))
            raise DatasetError("row_no_sound", f"there is no sound file {shown(path)}.", name=shown(path))
        return found

    def _claim(self, found: Found, path: str) -> None:
        """Checks that a file that is not where a row says is meant by no row with another path.

        Raises:
            DatasetError: it is; the other's clips are dropped in the end.
        """
        other = self.claims.setdefault(found.path, path)
        if other != path:
            self.doubted[found.path] = ambiguous(found.path, other, path)
            raise self.doubted[found.path]

    def certain(self, clips: Iterable[Clip]) -> tuple[list[Clip], list[Dropped]]:
        """Returns the clips whose sound is certain, and the others, which could be that of another row."""
        kept: list[Clip] = []
        dropped: list[Dropped] = []
        for clip in clips:
            sound, where = self.guessed.get(clip.path, (clip.path, ""))
            if sound in self.doubted:
                dropped.append(Dropped.because(clip.path, self.doubted[sound], where))
            else:
                kept.append(clip)
        return kept, dropped

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
        piece = sound_files.read_sound(sound, span=(start, end))
        self.pieces = self.pieces or self.options.new_folder("pieces")
        path = self.pieces / f"{file_name(sound.stem)}-{len(self.seen):06}.flac"
        path.write_bytes(sound_files.packed_flac(piece.wave, piece.changes))  # the final copy is flushed to disk, not this one
        return str(path)


def headers(options: Options) -> Callable[[str], sound_files.AudioInfo]:
    """Returns a function that finds a row's sound as `collect` does and returns what its header says, or raises AttuneError."""
    return _Checker(options).info
