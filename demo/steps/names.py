"""Names of components where one event answers for several panels, or for several rows that are alike.

The name of the place comes first: "split.table" is the table of the split, "row 3.text" the text of the fourth row. Views,
handlers and events make such names by these two functions alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Shown = dict[str, Any]  # what a handler returns: new values by the names of components; those it leaves out stay as they are


def within(place: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the same with the name of a panel or a row before each name."""
    return {f"{place}.{name}": one for name, one in named.items()}


def numbered(kind: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns what is in rows that are alike, each name with its row's number, which begins at 0.

    Args:
        kind: what the rows are called.
        rows: components, or their values, of each.
    """
    return {name: one for number, row in enumerate(rows) for name, one in within(f"{kind} {number}", row).items()}
