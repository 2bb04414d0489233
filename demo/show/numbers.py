"""Formatting of numbers: rates, changes, durations."""

from __future__ import annotations

from core.runs.report.facts import duration as duration  # as in the report
from core.runs.report.markup import percent as points  # without the sign
from demo.show.markup import NO_BREAK
from demo.wording import Wording

MINUS = "\u2212"


def percent(share: float) -> str:
    """Formats a rate as a whole percentage, with one decimal below 10 %."""
    return f"{points(share)}{NO_BREAK}%"


def ordinal(n: int, w: Wording) -> str:
    """Formats a place in a row, from 1."""
    kind = "other" if n % 100 in (11, 12, 13) else {1: "one", 2: "two", 3: "few"}.get(n % 10, "other")
    return w(f"ordinal.{kind}", n=n)


def change(difference: float, low: float | None, high: float | None, w: Wording) -> str:
    """Formats a difference of rates in percentage points, with its interval if there is one."""

    def signed(share: float) -> str:
        return f"{100 * share:+.1f}".replace("-", MINUS) if abs(share) >= 0.0005 else "0.0"

    if low is None or high is None:
        return signed(difference)
    return w("learned.change_p", change=signed(difference), low=signed(low), high=signed(high))
