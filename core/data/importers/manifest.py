"""Manifests: a table of sound files and texts, or a folder with one table per part, such as train.csv and test.csv."""

from __future__ import annotations

from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.data.importers.rows import PART_NAMES, Options, Row, Rows, shown
from core.data.importers.tables import records

SUFFIXES = frozenset({".csv", ".tsv", ".jsonl"})
FURTHER_SUFFIXES = frozenset({".psv", ".txt", ".ndjson", ".json", ".manifest"})  # of a file that is named; not searched for


def recognises(path: Path) -> bool:
    """Whether this is a table by its name, or a folder with one, or with one per part."""
    return path.suffix.lower() in SUFFIXES | FURTHER_SUFFIXES if path.is_file() else bool(_tables(path))


def rows(path: Path, options: Options) -> Rows:
    """Yields the rows; paths of sound files are absolute or relative to the table.

    A NeMo row with an `offset` means `duration` seconds from there.
    """
    for table, part in [(path, "")] if path.is_file() else _tables(path):
        yield from table_rows(table, options, part)


def table_rows(table: Path, options: Options, part: str = "") -> Rows:
    """Yields one table's rows.

    Args:
        table: the file.
        options: its `columns` and `language`.
        part: of the rows, if the table has no column for it.
    """
    for record in records(table, options.language, options.columns, also=("id",), go_on=options.go_on):
        if isinstance(record, Dropped):
            yield record
            continue
        where, fields = record
        path = str(table.parent / fields["path"])
        start, end = 0.0, None
        if fields.get("offset"):
            try:
                start = float(fields["offset"])
                end = start + float(fields["duration"]) if fields.get("duration") else None
            except ValueError:
                why = f"{where}: the offset or the duration is no number of seconds."
                yield Dropped(shown(path), "row_times", why, where)
                continue
        speaker, of, id = fields.get("speaker", ""), fields.get("part", part), fields.get("id", "")
        yield Row(path, fields["text"], where, speaker, of, start, end, id=id)


def _tables(folder: Path) -> list[tuple[Path, str]]:
    """The tables directly in a folder, with their parts: the only one, or those named like parts."""
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if len(found) == 1:
        return [(found[0], "")]
    return [(path, part) for path in found if (part := PART_NAMES.get(path.stem.lower()))]
