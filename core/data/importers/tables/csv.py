"""Labelled sets from a CSV: `path,text[,speaker][,part][,id]`, paths absolute or relative to the file.

Nothing is dropped or repaired here, as it is in an import: a row that cannot be used as it is written is an error.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path

from core.data.clips.labelled_set import CLIP_ID, PARTS, Clip, check_text, told_apart
from core.data.importers.rows import MAX_ROWS
from core.data.importers.tables.columns import MISSING, missing_text
from core.data.importers.tables.commas import Columns, RecordLines, fitted, too_many
from core.data.importers.times import time_columns
from core.errors import DatasetError
from core.text.escaping import cell_text
from core.text.scoring import MAX_TEXT_CHARACTERS, clean


def read_csv(path: Path | str, language: str = "en") -> list[Clip]:
    """Reads the clips listed in a CSV; further columns are ignored if the first line names them, unless
    they say which part of a recording a clip is.

    Args:
        path: UTF-8 (with or without byte order mark), a header line with at least `path` and `text`.
        language: ISO 639-1 code of the speech.

    Raises:
        DatasetError: it is missing or not a CSV, lacks a column, or lists no clip, a missing sound file, an empty transcript
            or one whose commas moved other fields; the message names the line. Or it has times, by which `formats.read` cuts.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError("csv_missing", f"There is no file {path}, and no sample set of that name.", name=str(path))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            clips = told_apart(_clip(row, path, line, language) for line, row in _rows(file, path.name))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            "csv_unreadable", f"{path.name} is not a CSV file in UTF-8. Save it as CSV with UTF-8 text.", name=path.name
        ) from error
    if not clips:
        raise DatasetError("csv_no_rows", f"{path.name} lists no clips.", name=path.name)
    return clips


def _rows(file: Iterator[str], name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yields a table's rows by the names of its columns, each with the number of its last line."""
    lines = RecordLines(file, name)
    table = csv.reader(lines)
    header = next(table, [])
    columns = [column.strip().lower() for column in header]
    if not {"path", "text"} <= set(columns):
        raise DatasetError(
            "csv_columns",
            f"{name} needs the columns path and text in its first line; it has: {', '.join(columns) or 'none'}.",
            name=name,
            columns=", ".join(columns),
        )
    speaker = columns.index("speaker") if "speaker" in columns else None
    layout = Columns(header, columns.index("path"), columns.index("text"), speaker)
    timed = [column for ours, column in time_columns(columns).items() if ours != "duration"]
    lines.begin()
    for fields in table:
        try:
            if fitted(fields, layout, ",", lines.record) is not fields:
                raise too_many(len(fields), len(columns), ",")
        except DatasetError as error:
            raise DatasetError(error.reason, f"{name}, line {table.line_num}: {error}", **error.details) from error
        lines.begin()
        row = dict(zip(columns, [*fields, *[""] * len(columns)], strict=False))
        if any(row[column].strip() for column in timed):
            listed = ", ".join(timed)
            raise DatasetError(
                "csv_times",
                f"{name}, line {table.line_num}: the columns {listed} say that clips are parts of recordings. Cut them first: "
                f"attune import {name} --to FOLDER writes a clips.csv that can be used here.",
                name=name,
                columns=listed,
            )
        if fields:
            yield table.line_num, row


def _clip(row: dict[str, str], path: Path, line: int, language: str) -> Clip:
    if line > MAX_ROWS:
        raise DatasetError("csv_too_many", f"{path.name} has over {MAX_ROWS} lines.", name=path.name, limit=MAX_ROWS)
    where = f"{path.name}, line {line}"
    sound = path.parent / row["path"].strip()
    if not os.path.isfile(sound):  # unlike Path.is_file, also False for a name that no file can have
        shown = str(sound)[:300]
        raise DatasetError("csv_no_sound", f"{where}: there is no sound file {shown}.", name=where, sound=shown)
    part = row.get("part", "").strip()
    if part not in ("", *PARTS):
        raise DatasetError("csv_part", f"{where}: part is train, validation or test, not {part!r}.", name=where)
    said = row["text"].strip()
    if said in MISSING:
        raise DatasetError("row_text_missing", f"{where}: {missing_text(said)}", name=said)
    text = clean(cell_text(said))
    if not text or len(text) > MAX_TEXT_CHARACTERS:
        check_text(text, language, where)
    id = row.get("id", "").strip()  # of our own export; other programs number their rows
    speaker = cell_text(row.get("speaker", "").strip())
    return Clip(str(sound.resolve()), text, speaker, part, id if CLIP_ID.fullmatch(id) else "")
