"""Tables of recordings: CSV, TSV, semicolons, pipes or JSON, in any of the usual encodings, read row by row."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.data.importers.encoding import blocks, lines
from core.data.importers.not_imported import fairseq
from core.data.importers.notes import unused
from core.data.importers.rows import shown
from core.data.importers.tables.columns import Records, column_names, known
from core.data.importers.tables.commas import LINES_ARE_ROWS, Columns, RecordLines, fitted, text_joined
from core.data.importers.tables.json_rows import json_records
from core.errors import DatasetError
from core.text.escaping import cell_text

DELIMITERS = (",", "\t", ";", "|")
GUARDED = ("text", "speaker")  # columns in which a spreadsheet's leading apostrophe is not part of the value
MAX_HEADER = 10_000  # characters
SEPARATOR = re.compile(r"\ufeff?\"?sep=([^\w\s\"]|\t)\"?\s*")  # a first line for Excel, which names the delimiter


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
        columns: our name -> the file's, if it is not among the synonyms in `core.data.importers.tables.columns.COLUMNS`.
        also: further columns to yield if the file has them.
        go_on: called at every line; raises to stop.

    Raises:
        DatasetError: the encoding or a required column is uncertain, or the table is damaged.
    """
    text = blocks(path, language, go_on)
    begins = next((block.lstrip() for block in text if block.strip()), "")
    text.close()
    if begins.startswith(("{", "[")):
        yield from json_records(path, language, columns, also, go_on, listed=begins.startswith("["))
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
        head = header.strip("\r\n")[:MAX_HEADER]
        try:
            delimiter, names, there = _delimiter(head, path.name, columns, also, named.group(1) if named else DELIMITERS)
        except DatasetError as error:
            raise fairseq(path.name, head, next(text, "")) or error from None
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
            yield known(where, found, names)
    finally:
        text.close()


def _next_line(text: Generator[str, None, None]) -> tuple[int, str]:
    """Returns the next line that is not blank, and how many lines it took."""
    return next(((number, line) for number, line in enumerate(text, 1) if line.strip()), (0, ""))


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


def _unquoted(field: str) -> str:
    inner = field[1:-1]
    if len(field) >= 2 and field[0] == field[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return field
