"""Rows of JSON: an object a line, or a list of objects, which is read one by one in bounded memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from core.data.clips.labelled_set import Dropped
from core.data.importers.encoding import MAX_LINE_CHARACTERS, blocks, lines
from core.data.importers.not_imported import lhotse
from core.data.importers.notes import unused
from core.data.importers.tables.columns import Records, column_names, known
from core.errors import DatasetError

MAX_UNUSED = 1_000  # columns, of which each row may have others, that are named
_OPEN = ("{", "[", ",")  # ends of a line after which a value goes on


def json_records(
    path: Path,
    language: str,
    columns: Mapping[str, str],
    also: Sequence[str],
    go_on: Callable[[], None],
    listed: bool,
) -> Records:
    """Yields the rows of a file of JSON, as `core.data.importers.tables.records` does.

    Args:
        path, language, columns, also, go_on: as there.
        listed: whether the file is one list; otherwise each of its lines is a row.

    Raises:
        DatasetError: a required column is missing from the first row, or the list is damaged.
    """
    keys: list[str] = []  # of the latest row; those of nearly all rows are the same
    names: dict[str, str] = {}
    told: set[str] = set()  # columns that are not used
    values = (_elements if listed else _lines)(path.name, (blocks if listed else lines)(path, language, go_on))
    for number, value in values:
        where = f"{path.name}, line {number}"
        if not isinstance(value, dict):
            yield Dropped("", "row_json", f"{where}: this is not a JSON object.", where)
            continue
        if not names or list(value) != keys:
            try:
                names, keys = column_names(path.name, list(value), columns, also), list(value)
            except DatasetError as error:
                if not names:
                    raise lhotse(path.name, value) or error from None
                yield Dropped.because("", error, where)
                continue
            if len(told) < MAX_UNUSED and (note := unused(path.name, keys, {*names.values(), *told})):
                told.update(value)
                yield note
        if isinstance(value[names["text"]], (dict, list)):
            yield Dropped("", "row_not_text", f"{where}: its transcript is a list or an object, not a text.", where)
            continue
        yield known(where, {name: _plain(value[column]) for name, column in names.items()}, names)


def _plain(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _lines(name: str, text: Iterator[str]) -> Iterator[tuple[int, Any]]:
    """Yields each line's number and value; None for a line that is not JSON."""
    first = True
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
            if first and line.strip().endswith(_OPEN):
                raise DatasetError(
                    "json_object",
                    f"{name} is one JSON object over several lines, not a list of rows. Write an object a line, or a list of "
                    "objects in square brackets.",
                    name=name,
                ) from None
        first = False
        yield number, value


class _Text:
    """A text that is read block by block.

    Attributes:
        rest: what is read and not taken.
        line: the number of the line in which that begins.
    """

    def __init__(self, text: Iterator[str]) -> None:
        self._blocks = text
        self.rest, self.line = "", 1

    def read_on(self) -> bool:
        """Reads the next block; returns whether there was one."""
        block = next(self._blocks, "")
        self.rest += block
        return bool(block)

    def take(self, count: int) -> None:
        """Leaves characters behind."""
        self.line += self.rest.count("\n", 0, count)
        self.rest = self.rest[count:]

    def character(self) -> str:
        """Leaves white space behind, and returns the character that follows; "" at the end."""
        while True:
            self.take(len(self.rest) - len(self.rest.lstrip()))
            if self.rest or not self.read_on():
                return self.rest[:1]


def _elements(name: str, blocks: Iterator[str]) -> Iterator[tuple[int, Any]]:
    """Yields the elements of a list, each with the number of its line; one at a time is in memory."""
    text = _Text(blocks)
    text.character()
    text.take(1)
    more = text.character() != "]"
    while more:
        line = text.line
        yield line, _element(name, text)
        separator = text.character()
        if separator not in (",", "]"):
            raise _damaged(name, line)
        more = separator == ","
        if more:
            text.take(1)
            text.character()
    text.take(1)
    if text.character():
        raise _damaged(name, text.line)


def _element(name: str, text: _Text) -> Any:
    decoder = json.JSONDecoder()
    while True:
        try:
            value, end = decoder.raw_decode(text.rest)
        except (ValueError, RecursionError) as error:  # it may go on in the next block
            size = len(text.rest)
            if size > MAX_LINE_CHARACTERS or not text.read_on():
                raise _damaged(name, text.line) from error
            while len(text.rest) < 2 * size and text.read_on():
                pass
        else:
            if end < len(text.rest) or not text.read_on():  # a number may go on as well
                text.take(end)
                return value


def _damaged(name: str, line: int) -> DatasetError:
    return DatasetError(
        "json_damaged",
        f"{name}, line {line}: the row that begins here is not JSON, or too long. Is a bracket or a quotation mark missing?",
        name=name,
        line=line,
    )
