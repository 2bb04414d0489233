"""Manifests: a table of sound files and texts, or a folder with one table per part, such as train.csv and test.csv."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

from core.audio.sound_files import SAMPLE_RATE, AudioInfo
from core.data.clips.labelled_set import Dropped, Note
from core.data.importers.row_checker import headers
from core.data.importers.rows import PART_NAMES, Options, Row, Rows, shown
from core.data.importers.tables.columns import Record
from core.data.importers.tables.records import records
from core.data.importers.tables.table_times import Timed, is_part, part, times_of, unit_of
from core.data.importers.times import MILLISECONDS, SAMPLES, SECONDS
from core.errors import AttuneError, DatasetError

SUFFIXES = frozenset({".csv", ".tsv", ".jsonl"})
FURTHER_SUFFIXES = frozenset({".psv", ".txt", ".ndjson", ".json", ".manifest"})  # of a file that is named

ROWS_FOR_UNIT = 200  # that are looked at to tell seconds from milliseconds
UNIT_NAMES = {MILLISECONDS: "milliseconds", SAMPLES: "counts of samples"}


def recognises(path: Path) -> bool:
    """Whether this is a table by its name, or a folder with one, or with one per part."""
    return path.suffix.lower() in SUFFIXES | FURTHER_SUFFIXES if path.is_file() else bool(_tables(path))


def rows(path: Path, options: Options) -> Rows:
    """Yields the rows; paths of sound files are absolute or relative to the table.

    A row with a start is that part of its recording. A duration alone, as in NeMo's manifests, cuts nothing.
    """
    for table, name in [(path, "")] if path.is_file() else _tables(path):
        yield from table_rows(table, options, name)


def table_rows(table: Path, options: Options, part_name: str = "") -> Rows:
    """Yields one table's rows.

    Args:
        table: the file.
        options: its `columns` and `language`.
        part_name: of the rows, if the table has no column for it.
    """
    found = records(table, options.language, options.columns, also=("id",), go_on=options.go_on)
    head = list(islice(found, ROWS_FOR_UNIT))
    info_of = headers(options)
    unit = _unit(head, table, info_of)
    if unit != SECONDS:
        message = f"The times in {table.name} were taken as {UNIT_NAMES[unit]}: as seconds they do not fit the recordings."
        yield Note(f"table_unit_{unit}", message, {"name": table.name})
    for record in chain(head, found):
        if isinstance(record, (Dropped, Note)):
            yield record
            continue
        where, fields = record
        path = str(table.parent / fields["path"])
        start, end = 0.0, None
        try:
            times = times_of(fields)
            if is_part(times):
                in_samples = SAMPLES in (unit, *(time.unit for time in times.values()))
                start, end = part(times, unit, info_of(path).sample_rate if in_samples else SAMPLE_RATE)
        except AttuneError as error:
            yield Dropped.because(shown(path), error, where)
            continue
        speaker, of, id = fields.get("speaker", ""), fields.get("part", part_name), fields.get("id", "")
        length = None if is_part(times) else times.get("duration")
        apart = bool(fields.keys() & {"start", "offset", "end"})
        yield Row(path, fields["text"], where, speaker, of, start, end, id=id, apart=apart, length=length)


def _unit(head: Sequence[Record | Dropped | Note], table: Path, info_of: Callable[[str], AudioInfo]) -> str:
    """Returns the unit of a table's times, by its first rows."""
    timed: list[Timed] = []
    for record in head:
        if isinstance(record, tuple):
            with suppress(DatasetError):  # reported for its row
                fields = record[1]
                timed.append((str(table.parent / fields["path"]), fields["text"], times_of(fields)))
    return unit_of(timed, info_of)


def _lists_recordings(path: Path) -> bool:
    """Whether a file with one of the further names, which many other files have, is a table of recordings."""
    if path.suffix.lower() not in FURTHER_SUFFIXES:
        return False
    try:
        return next(records(path, "en", {}), None) is not None
    except DatasetError:
        return False


def _tables(folder: Path) -> list[tuple[Path, str]]:
    """The tables directly in a folder, with their parts: the only one, or those named like parts."""
    there = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    found = [path for path in there if path.suffix.lower() in SUFFIXES]
    if not found and len(there) == 1 and _lists_recordings(there[0]):
        found = there
    if len(found) == 1:
        return [(found[0], "")]
    return [(path, part) for path in found if (part := PART_NAMES.get(re.split(r"[^a-z]", path.stem.lower())[0]))]
