"""Rows of delimited tables whose text has a delimiter in it that is not in quotation marks, and so moved what follows.

Programs write no space behind a delimiter, and prose has one behind a comma: a space behind the text, in a row without
quotation marks or other such spaces, tells that the text goes on there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.data.clips.labelled_set import Note
from core.data.importers.encoding import MAX_LINE_CHARACTERS
from core.data.importers.rows import shown
from core.errors import DatasetError

LINES_ARE_ROWS = "\t|"  # with these delimiters, a line is a row whatever quotation marks are in it

# A speaker who is a sentence: no name has seven words, starts five in lower case, or ends three like a sentence; the full
# stop of an abbreviation, as in "Jr.", is not one.
_SENTENCE = re.compile(r"(?:\S+\s+){6,}\S+|[a-zß-öø-ÿ]\S*(?:\s+\S+){4,}|(?:\S+\s+){2,}\S*(?:[?!…]|\w{4,}\.)")
_REST_OF_A_NUMBER = re.compile(r"\d+\S*\s+\S")  # behind the comma of "1,000 euros"


class RecordLines:
    """The lines of a table for `csv.reader`, with those of the latest record at hand; a record has a limit, as a line has.

    Args:
        lines: of the table.
        name: of the file, for messages.
    """

    def __init__(self, lines: Iterator[str], name: str) -> None:
        self._lines, self._name = lines, name
        self._taken: list[str] = []
        self._size = 0

    def begin(self) -> None:
        """Says that a new record begins."""
        self._taken, self._size = [], 0

    @property
    def record(self) -> str:
        """The latest record as it is written."""
        return "".join(self._taken)

    def __iter__(self) -> RecordLines:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self._taken.append(line)
        self._size += len(line)
        if self._size > MAX_LINE_CHARACTERS:  # quotation marks may join any number of lines
            raise DatasetError("text_line", f"{self._name} has too long a line to be text.", name=self._name)
        return line


@dataclass(frozen=True)
class Columns:
    """Where the columns of a table are.

    Attributes:
        header: the fields of its first line, unchanged.
        path: the place of the sound file.
        text: that of the text.
        speaker: that of the speaker; None if there is none.
    """

    header: Sequence[str]
    path: int
    text: int
    speaker: int | None = None

    @property
    def spaced(self) -> bool:
        """Whether this table has spaces behind its delimiters, so that they tell nothing."""
        return any(map(_is_spaced, self.header))


def fitted(fields: list[str], columns: Columns, delimiter: str, record: str) -> list[str]:
    """Returns a row that fits the columns: the one given, or, if its text is certain, with the pieces of its text joined.

    Args:
        fields: of the row, unchanged.
        columns: of the table.
        delimiter: of the table.
        record: the row as it is written.

    Raises:
        DatasetError: the row has too many fields, or what follows its text seems to be the rest of it.
    """
    filled = max((place for place, field in enumerate(fields, 1) if field.strip()), default=0)
    if filled > len(columns.header):
        meant = _joined(fields[:filled], columns, delimiter, record)
        if meant is None:
            raise too_many(len(fields), len(columns.header), delimiter)
        return meant
    rest = _rest_of_text(fields, columns, record) if delimiter not in LINES_ARE_ROWS else ""
    if rest:
        raise DatasetError(
            "row_moved",
            f"{shown(rest)!r}, which follows the text, seems to be the rest of it. Put the whole text in quotation marks, or "
            "that, if it is not part of it.",
            name=shown(rest),
        )
    return fields


def text_joined(name: str, line: int) -> Note:
    """Returns what an import says about rows that were repaired, with the first of them."""
    return Note(
        "text_joined",
        f"{name}, line {line}: the text contains a comma and is not in quotation marks. All of it was taken as the text, as in "
        "any other row like this.",
        {"name": name, "line": line},
    )


def _joined(fields: Sequence[str], columns: Columns, delimiter: str, record: str) -> list[str] | None:
    """Returns the row as it was meant, if that is certain: only delimiters with a space behind them belong to the text."""
    text, end = columns.text, columns.text + 1 + len(fields) - len(columns.header)
    pieces, others = fields[text:end], [*fields[: text + 1], *fields[end:]]
    if delimiter in LINES_ARE_ROWS or columns.spaced or any(_is_quoted(piece, record) for piece in pieces):
        return None
    if any(map(_is_spaced, others)) or not all(map(_is_spaced, pieces[1:])):
        return None
    return [*fields[:text], delimiter.join(pieces), *fields[end:]]


def _rest_of_text(fields: Sequence[str], columns: Columns, record: str) -> str:
    """Returns what follows the text if it seems to be the rest of it; otherwise ""."""
    text, after = (fields[place].strip() if place < len(fields) else "" for place in (columns.text, columns.text + 1))
    if not text or not after or columns.path > columns.text:  # a path that was moved is missed anyway
        return ""
    if any(_is_quoted(field, record) for field in fields[columns.text : columns.text + 2]):
        return ""
    if not columns.spaced and _is_spaced(fields[columns.text + 1]) and not any(map(_is_spaced, fields[: columns.text + 1])):
        return after
    by = after if columns.speaker == columns.text + 1 else ""
    return by if _SENTENCE.fullmatch(by) or (text[-1].isdigit() and _REST_OF_A_NUMBER.match(by)) else ""


def too_many(fields: int, columns: int, delimiter: str) -> DatasetError:
    """Returns the error of a row with more fields than columns."""
    counts = f"{fields} fields for {columns} columns"
    if delimiter in LINES_ARE_ROWS:
        kind = "tab" if delimiter == "\t" else "vertical bar"
        return DatasetError(
            "row_delimiter", f"{counts}. Is there a {kind} in the text? Take it out.", fields=fields, columns=columns
        )
    return DatasetError("row_fields", f"{counts}. Put text with commas in quotation marks.", fields=fields, columns=columns)


def _is_quoted(field: str, record: str) -> bool:
    return '"' in record and '"{}"'.format(field.replace('"', '""')) in record


def _is_spaced(field: str) -> bool:
    return field[:1].isspace()
