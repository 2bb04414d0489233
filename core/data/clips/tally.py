"""Counts rows, texts or clips of which the same is said, so that one note tells of all."""

from __future__ import annotations

from collections.abc import Iterator


class Tally:
    """The first place for each reason, and how many there are."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._count: dict[str, int] = {}

    def add(self, reason: str, where: str) -> None:
        """Adds one by its place."""
        self._first.setdefault(reason, where)
        self._count[reason] = self._count.get(reason, 0) + 1

    def counted(self) -> Iterator[tuple[str, str, int]]:
        """Yields each reason, its first place and how many there are."""
        for reason, where in self._first.items():
            yield reason, where, self._count[reason]
