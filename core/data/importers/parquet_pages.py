"""Finds the unpacked size of a Parquet file's pages from their headers, which readers use: its footer may lie.

https://github.com/apache/parquet-format: PageHeader of parquet.thrift, in Thrift's compact protocol.
"""

from __future__ import annotations

import mmap

UNPACKED, PACKED = 2, 3  # fields of a header: bytes of a page
MAX_DEPTH = 8  # nested structures; a header has 3
STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = 0, 1, 2, 3, 7, 8, 9, 10, 11, 12
INTEGERS = (4, 5, 6)
LONG = 15  # means that a list's length follows separately


def unpacked_bytes(content: mmap.mmap | bytes, start: int, length: int) -> int:
    """Returns the unpacked size in bytes of one column's pages, without unpacking any.

    Args:
        content: of the file.
        start: where the first page's header begins.
        length: packed size in bytes of all pages, with their headers.

    Raises:
        ValueError, IndexError: there are no such pages.
    """
    if min(start, length) < 0:
        raise ValueError("a column that does not lie in the file")
    total, at = 0, start
    while at < start + length:
        header = _Header(content, at)
        unpacked, packed = header.sizes()
        if min(unpacked, packed) < 0 or header.at + packed > len(content):
            raise ValueError("a page that does not lie in the file")
        total += unpacked
        at = header.at + packed
    return total


class _Header:
    def __init__(self, content: mmap.mmap | bytes, at: int) -> None:
        self.content = content
        self.at = at

    def sizes(self) -> tuple[int, int]:
        found: dict[int, list[int]] = {UNPACKED: [], PACKED: []}
        self._struct(found)
        return max(found[UNPACKED], default=-1), max(found[PACKED], default=-1)

    def _byte(self) -> int:
        self.at += 1
        return self.content[self.at - 1]

    def _number(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ValueError("too large a number")

    def _signed(self) -> int:
        value = self._number()
        return value >> 1 ^ -(value & 1)

    def _struct(self, found: dict[int, list[int]], depth: int = 0) -> None:
        number = 0
        while (head := self._byte()) != STOP:
            number = number + (head >> 4) if head >> 4 else self._signed()
            kind = head & 15
            if kind in INTEGERS and number in found:
                found[number].append(self._signed())
            elif kind not in (TRUE, FALSE):  # whose value is part of the field's type
                self._skip(kind, depth + 1)

    def _skip(self, kind: int, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ValueError("too deep a header")
        if kind in (TRUE, FALSE, BYTE):
            self.at += 1
        elif kind in INTEGERS:
            self._number()
        elif kind == DOUBLE:
            self.at += 8
        elif kind == BINARY:
            length = self._number()
            self.at += length
        elif kind in (LIST, SET):
            head = self._byte()
            count = self._number() if head >> 4 == LONG else head >> 4
            self._skip_all([head & 15], count, depth)
        elif kind == MAP:
            count = self._number()
            kinds = self._byte() if count else 0
            self._skip_all([kinds >> 4, kinds & 15], count, depth)
        elif kind == STRUCT:
            self._struct({}, depth)
        else:
            raise ValueError("no such kind of field")

    def _skip_all(self, kinds: list[int], count: int, depth: int) -> None:
        if count > len(self.content):
            raise ValueError("too long a list")
        for _ in range(count):
            for kind in kinds:
                self._skip(kind, depth + 1)
