"""Component names for events that update several panels or several identical rows.

The place comes first: "split.table" is the table of the split panel, "row 3.text" the text of the fourth row. Views, handlers
and events build such names only with these two functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Shown = dict[str, Any]  # a handler's result: new values by component name; the other components stay unchanged


def prefixed(place: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the same mapping with each name prefixed by that of a panel or row."""
    return {f"{place}.{name}": one for name, one in named.items()}


def numbered(kind: str, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Returns the contents of identical rows in one mapping, each name prefixed by the kind and the row's number from 0.

    Args:
        kind: prefix for the rows.
        rows: components or values of each row, by name.
    """
    return {name: one for number, row in enumerate(rows) for name, one in prefixed(f"{kind} {number}", row).items()}
