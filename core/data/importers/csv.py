"""Labelled sets from a CSV: `path,text[,speaker][,part][,id]`, paths absolute or relative to the file."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from core.data.clips.labelled_set import CLIP_ID, PARTS, Clip, check_text, told_apart
from core.data.importers.rows import MAX_ROWS
from core.data.importers.times import time_columns
from core.errors import DatasetError
from core.text.escaping import cell_text


def read_csv(path: Path | str, language: str = "en") -> list[Clip]:
    """Reads the clips listed in a CSV; further columns are ignored, unless they say which part of a recording a clip is.

    Args:
        path: UTF-8 (with or without byte order mark), a header line with at least `path` and `text`.
        language: ISO 639-1 code of the speech.

    Raises:
        DatasetError: it is missing or not a CSV, lacks a column, or lists no clip, a missing sound file or an empty
            transcript; the message names the line. Or it has times, by which `formats.read` cuts.
    """
    path = Path(path)
    if not path.is_file():
        raise DatasetError("csv_missing", f"There is no file {path}, and no sample set of that name.", name=str(path))
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = [name.strip().lower() for name in rows.fieldnames or ()]
            if not {"path", "text"} <= set(columns):
                raise DatasetError(
                    "csv_columns",
                    f"{path.name} needs the columns path and text in its first line; it has: {', '.join(columns) or 'none'}.",
                    name=path.name,
                    columns=", ".join(columns),
                )
            rows.fieldnames = columns
            timed = [column for name, column in time_columns(columns).items() if name != "duration"]
            clips = told_apart(_clip(row, path, rows.line_num, language, timed) for row in rows)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(
            "csv_unreadable", f"{path.name} is not a CSV file in UTF-8. Save it as CSV with UTF-8 text.", name=path.name
        ) from error
    if not clips:
        raise DatasetError("csv_no_rows", f"{path.name} lists no clips.", name=path.name)
    return clips


def _clip(row: dict[str, str | None], path: Path, line: int, language: str, timed: Sequence[str]) -> Clip:
    if line > MAX_ROWS:
        raise DatasetError("csv_too_many", f"{path.name} has over {MAX_ROWS} lines.", name=path.name, limit=MAX_ROWS)
    where = f"{path.name}, line {line}"
    if any((row.get(column) or "").strip() for column in timed):
        listed = ", ".join(timed)
        raise DatasetError(
            "csv_times",
            f"{where}: the columns {listed} say that clips are parts of recordings. Cut them first: attune import {path.name} "
            "--to FOLDER writes a clips.csv that can be used here.",
            name=path.name,
            columns=listed,
        )
    sound = path.parent / (row["path"] or "").strip()
    if not os.path.isfile(sound):  # unlike Path.is_file, also False for a name that no file can have
        shown = str(sound)[:300]
        raise DatasetError("csv_no_sound", f"{where}: there is no sound file {shown}.", name=where, sound=shown)
    part = (row.get("part") or "").strip()
    if part not in ("", *PARTS):
        raise DatasetError("csv_part", f"{where}: part is train, validation or test, not {part!r}.", name=where)
    text = check_text(cell_text((row["text"] or "").strip()), language, where)
    id = (row.get("id") or "").strip()  # of our own export; other programs number their rows
    speaker = cell_text((row.get("speaker") or "").strip())
    return Clip(str(sound.resolve()), text, speaker, part, id if CLIP_ID.fullmatch(id) else "")
