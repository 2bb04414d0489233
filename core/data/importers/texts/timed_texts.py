"""Texts with times beside a recording: Audacity's label tracks, and texts whose times cannot be read.

https://manual.audacityteam.org/man/importing_and_exporting_labels.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from core.data.importers.times import parse
from core.errors import DatasetError

_NUMBER = r"[0-9]+(?:[.,][0-9]+)?"
_LABEL = re.compile(rf"\s*(-?{_NUMBER})([\t ]+)(-?{_NUMBER})(?:[\t ]+(.*))?")
_FREQUENCIES = re.compile(r"\\\t")  # begins the line after a label of a spectral selection
_DECIMAL = re.compile(r"[0-9]+[.,][0-9]+")
_CLOCK = re.compile(r"(?:[0-9]+:)?[0-9]{1,2}:[0-9]{2}(?:[.,][0-9]+)?")
_TIME_FIRST = re.compile(rf"[\W_]{{0,3}}(?P<first>{_CLOCK.pattern}|{_DECIMAL.pattern})(?![\w:])")
_TWO_FIRST = re.compile(rf"[\W_]{{0,3}}(?P<first>{_DECIMAL.pattern})[^\w.]+(?P<second>{_DECIMAL.pattern})(?!\w)")


@dataclass(frozen=True)
class Piece:
    """One part of a recording.

    Attributes:
        line: number of its first line in the file.
        times: start and end in seconds; None if they cannot be read.
        text: what is said.
        speaker: "" if unknown.
    """

    line: int
    times: tuple[float, float] | None
    text: str
    speaker: str = ""

    def span(self) -> tuple[float, float]:
        """Returns start and end in seconds.

        Raises:
            DatasetError: there are none, or the piece does not end after it starts.
        """
        if self.times is None:
            raise DatasetError("row_times", "its times cannot be read as h:m:s or seconds.")
        start, end = self.times
        if start == end:
            raise DatasetError("row_point", f"it marks a point, {start:.2f} s, and no part. Give it an end.")
        if end < start:
            raise DatasetError("row_times_order", f"it starts at {start:.2f} s and ends at {end:.2f} s.")
        return start, end


def labels(text: str) -> list[Piece] | None:
    """Reads a label track, whose lines are start, end and label, in seconds with a point or a comma; None if it is none.

    Where spaces replaced the tabs, both numbers must have decimals: a transcript may begin with "1 2".
    """
    pieces = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or _FREQUENCIES.match(line):
            continue
        found = _LABEL.fullmatch(line.rstrip())
        if found is None or not (("\t" in found[2] and found[4]) or all(_DECIMAL.search(found[i]) for i in (1, 3))):
            return None
        try:
            start, end = (parse(found[i]) for i in (1, 3))
        except ValueError:  # negative
            start = end = None
        pieces.append(Piece(number, (start.value, end.value) if start and end else None, found[4] or ""))
    return pieces or None


def looks_timed(text: str) -> bool:
    """Whether a text, which no reader of times reads, is still a list with times and not a transcript."""
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if any("-->" in line for line in lines):
        return True
    labelled = [line for line in lines if "\t" in line and (found := _LABEL.match(line)) and "\t" in found[2]]
    if len(lines) > 1 and 2 * len(labelled) >= len(lines):
        return True
    first = [_seconds(found["first"]) for line in lines if (found := _TIME_FIRST.match(line))]
    if len(first) > 1 and 2 * len(first) >= len(lines) and _in_order(first):
        return True
    pairs = [[_seconds(found[name]) for name in ("first", "second")] for line in lines if (found := _TWO_FIRST.match(line))]
    if 2 * len(pairs) >= len(lines) and any(map(_in_order, pairs)):
        return True
    words = re.split(r"[\s;|]+", text.strip())
    numbers = [_seconds(word) for word in words if re.fullmatch(_NUMBER, word)]
    return len(lines) > 1 and len(numbers) >= 4 and 2 * len(numbers) >= len(words) and _in_order(numbers)


def _in_order(times: list[float]) -> bool:
    return all(one <= other for one, other in pairwise(times))


def _seconds(written: str) -> float:
    seconds = 0.0
    for part in written.replace(",", ".").split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
