"""Place and time in the queue that all visitors share. Of the others, only their number and their time are said."""

from __future__ import annotations

from dataclasses import dataclass

from demo.show.numbers import duration, ordinal
from demo.wording import Wording


@dataclass(frozen=True)
class Ahead:
    """What has to end before a job can begin.

    Attributes:
        jobs: number of jobs ahead, of all visitors.
        seconds: that they will still take; None if that is unknown of any of them.
    """

    jobs: int
    seconds: float | None


NOBODY = Ahead(0, 0.0)


def waiting(ahead: Ahead, w: Wording) -> str:
    """Returns a sentence about a job that has not begun: that it is starting, or its place and the time until it begins."""
    if not ahead.jobs:
        return w("queue.starting")
    place = ordinal(ahead.jobs + 1, w)
    if ahead.seconds is None:
        return w("queue.place", place=place)
    return w("queue.place_and_time", place=place, time=duration(ahead.seconds, w))


def before(ahead: Ahead, w: Wording) -> str:
    """Returns a sentence about what would go first if a job were started now; empty if nothing would."""
    if not ahead.jobs:
        return ""
    key = "queue.before" if ahead.seconds is None else "queue.before_and_time"
    return w(key, jobs=ahead.jobs, time=duration(ahead.seconds or 0.0, w))
