"""Tables of recordings: CSV, TSV, semicolons, pipes or JSON lines, in any of the usual encodings, read row by row."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.data.clips.labelled_set import Dropped, Note
from core.data.importers import times
from core.data.importers.commas import LINES_ARE_ROWS, Columns, RecordLines, fitted, text_joined
from core.data.importers.encoding import lines
from core.data.importers.notes import unused
from core.data.importers.rows import shown
from core.errors import DatasetError
from core.text.escaping import cell_text

DELIMITERS = (",", "\t", ";", "|")
GUARDED = ("text", "speaker")  # columns in which a spreadsheet's leading apostrophe is not part of the value
MAX_HEADER = 10_000  # characters
MAX_UNUSED = 1_000  # columns of JSON lines, each of which may have others, that are named
SEPARATOR = re.compile(r"\ufeff?\"?sep=([^\w\s\"]|\t)\"?\s*")  # a first line for Excel, which names the delimiter
# What pandas and Excel write for a missing value. Their other words for it, None and null, are words that people say.
MISSING = frozenset({"nan", "NaN", "<NA>", "N/A", "#N/A"})

# Our name of a column -> names used by others; those of times are in `core.data.importers.times`.
COLUMNS = {
    "path": ("path", "file", "file_name", "filename", "audio", "audio_filepath", "audio_file", "wav", "wav_filename",
             "文件", "文件名", "音频", "录音"),
    "text": ("text", "transcript", "transcription", "sentence", "label", "文本", "句子", "转写", "内容"),
    "speaker": ("speaker", "speaker_id", "client_id", "说话人", "发音人"),
    "part": ("part", "split"),
    **dict.fromkeys(times.COLUMNS, ()),
}  # fmt: skip

Record = tuple[str, dict[str, str]]  # its place in the source, and its fields by our names
Records = Generator[Record | Dropped | Note, None, None]


def records(
    path: Path,
    language: str,
    columns: Mapping[str, str],
    also: Sequence[str] = (),
    go_on: Callable[[], None] = lambda: None,
) -> Records:
    """Yields a table's rows by our names of the columns; other columns are left out and named in a note.

    With commas and semicolons, quotation marks follow RFC 4180; a row that lacks them, so that a comma of its text moved other
    fields, is repaired if that is certain, and dropped otherwise. With tabs and pipes, a line is a row: a field is unquoted
    if its quotes are well formed and unchanged otherwise, because Common Voice has sentences with a single one.

    Args:
        path: the file.
        language: ISO 639-1 code of the speech, see `encoding_of`.
        columns: our name -> the file's, if it is not among the synonyms in `COLUMNS`.
        also: further columns to yield if the file has them.
        go_on: called at every line; raises to stop.

    Raises:
        DatasetError: the encoding or a required column is uncertain, or the table is damaged.
    """
    text = lines(path, language, go_on)
    first = next((line for line in text if line.strip()), "")
    text.close()
    if first.lstrip().startswith("{"):
        yield from _json_records(path, lines(path, language, go_on), columns, also)
    else:
        yield from _delimited_records(path, lines(path, language, go_on), columns, also)


def _delimited_records(
    path: Path, text: Generator[str, None, None], columns: Mapping[str, str], also: Sequence[str]
) -> Records:
    try:
        before, header = _next_line(text)
        named = SEPARATOR.fullmatch(header)
        if named:
            further, header = _next_line(text)
            before += further
        delimiter, names, there = _delimiter(
            header.strip("\r\n")[:MAX_HEADER], path.name, columns, also, named.group(1) if named else DELIMITERS
        )
        stripped = [name.strip() for name in there]
        if note := unused(path.name, stripped, names.values()):
            yield note
        places = {name: stripped.index(column) for name, column in names.items()}
        layout = Columns(there, places["path"], places["text"], places.get("speaker"))
        quoted = delimiter not in LINES_ARE_ROWS
        record = RecordLines(text, path.name)
        table = csv.reader(record, delimiter=delimiter, quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE, strict=quoted)
        repaired = False
        while True:
            begun = before + table.line_num + 1
            record.begin()
            try:
                fields = next(table, None)
            except csv.Error as error:
                raise DatasetError(
                    "table_damaged",
                    f"{path.name}, line {begun}: the row cannot be read ({error}). Is a quotation mark missing?",
                    name=path.name,
                    line=begun,
                ) from error
            if fields is None:
                return
            if not any(field.strip() for field in fields):
                continue
            where = f"{path.name}, line {begun}"
            try:
                fitting = fitted(fields, layout, delimiter, record.record)
            except DatasetError as error:
                yield Dropped.because(shown(fields[layout.path] if layout.path < len(fields) else ""), error, where)
                continue
            if fitting is not fields and not repaired:
                repaired = True
                yield text_joined(path.name, begun)
            fields = [field.strip() if quoted else _unquoted(field.strip()) for field in fitting]
            found = {name: fields[place] if place < len(fields) else "" for name, place in places.items()}
            found = {name: cell_text(value) if name in GUARDED else value for name, value in found.items()}
            yield _known(where, found, names)
    finally:
        text.close()


def _next_line(text: Generator[str, None, None]) -> tuple[int, str]:
    """Returns the next line that is not blank, and how many lines it took."""
    return next(((number, line) for number, line in enumerate(text, 1) if line.strip()), (0, ""))


def _known(where: str, fields: dict[str, str], names: Mapping[str, str]) -> Record | Dropped:
    """Returns a record with the units of its times, without the words for missing values; drops it if the text is one.

    Args:
        where: its place.
        fields: by our names.
        names: our names -> the source's.
    """
    fields = {name: times.with_unit(value, names[name]) if name in times.COLUMNS else value for name, value in fields.items()}
    if fields.get("speaker") in MISSING:
        fields = {**fields, "speaker": ""}
    if fields["text"] not in MISSING:
        return where, fields
    return Dropped.because(shown(fields["path"]), missing_text(fields["text"]), where)


def missing_text(text: str) -> DatasetError:
    """Returns the error of a transcript that is one of `MISSING`."""
    return DatasetError(
        "row_text_missing",
        f"{text!r} is what programs write for a missing text. Type what is said; if it is that very word, write '{text}.'",
        name=text,
    )


def _json_records(path: Path, text: Generator[str, None, None], columns: Mapping[str, str], also: Sequence[str]) -> Records:
    begun = False
    told: set[str] = set()  # columns that are not used
    try:
        for number, line in enumerate(text, 1):
            where = f"{path.name}, line {number}"
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except (ValueError, RecursionError):
                value = None
            if not isinstance(value, dict):
                yield Dropped("", "row_json", f"{where}: this is not a JSON object.", where)
                continue
            try:
                names = column_names(path.name, list(value), columns, also)
            except DatasetError as error:
                if not begun:
                    raise
                yield Dropped.because("", error, where)
                continue
            begun = True
            if len(told) < MAX_UNUSED and (note := unused(path.name, list(value), {*names.values(), *told})):
                told.update(value)
                yield note
            yield _known(where, {name: _plain(value[column]) for name, column in names.items()}, names)
    finally:
        text.close()


def _plain(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _delimiter(
    header: str, file: str, columns: Mapping[str, str], also: Sequence[str], delimiters: Sequence[str]
) -> tuple[str, dict[str, str], list[str]]:
    """Finds the delimiter: the one that splits the header into known columns. Returns the header's fields unchanged."""
    tried: list[tuple[int, DatasetError]] = []
    for delimiter in delimiters:
        there = next(csv.reader([header], delimiter=delimiter), [])
        try:
            return delimiter, column_names(file, [name.strip() for name in there], columns, also), there
        except DatasetError as error:
            tried.append((len(there), error))
    raise max(tried, key=lambda pair: pair[0])[1]  # the error for the delimiter that splits best


def column_names(file: str, there: Sequence[str], columns: Mapping[str, str], also: Sequence[str] = ()) -> dict[str, str]:
    """Returns our name -> the source's column, for the columns it has.

    Raises:
        DatasetError: the column of the sound or the text is uncertain, or one given in `columns` is missing.
    """
    by_name = {name.strip().lower(): name for name in reversed(there)}
    names = {name: by_name[name] for name in also if name in by_name}
    timed = times.time_columns([name for name in there if name not in names.values()])
    listed = shown(", ".join(there))
    has = f"it has: {listed or 'none'}"
    for name, synonyms in COLUMNS.items():
        if name in columns:
            found = [columns[name].strip().lower()]
            if not found[0] and name not in ("path", "text"):
                continue  # "offset=": the source's column of this name is something else
        elif name in timed:
            found = [timed[name].strip().lower()]
        elif name in by_name:
            found = [name]
        else:
            found = [synonym for synonym in synonyms if synonym in by_name]
        if len(found) > 1:
            raise DatasetError(
                "table_ambiguous",
                f"{file} has several columns for {name}: {', '.join(found)}. Choose one, e.g. --column {name}={found[0]}.",
                name=file,
                column=name,
                columns=", ".join(found),
                listed=list(there),
            )
        if found and found[0] in by_name:
            names[name] = by_name[found[0]]
        elif name in columns or name in ("path", "text"):
            raise DatasetError(
                "table_columns",
                f"{file} needs a column for {name} in its first line; {has}. Choose it, e.g. with --column {name}=NAME.",
                name=file,
                column=name,
                columns=listed or "-",
                listed=list(there),
            )
    return names


def _unquoted(field: str) -> str:
    inner = field[1:-1]
    if len(field) >= 2 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return field
