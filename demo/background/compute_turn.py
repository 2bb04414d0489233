"""Fair scheduling of computation: one thread at a time, interactive requests before background work."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

SLICE_SECONDS = 1.0  # time slice of long work; a typical clip takes a third of that
PATIENCE_SECONDS = 30.0  # after which background work competes on equal terms
OWNERS_KNOWN = 1000  # whose last turns are remembered; anyone else counts as new and goes first


@dataclass(eq=False)
class _Place:
    """A place in the queue.

    Attributes:
        owner: whose work it is.
        soon: whether someone is waiting for the answer.
        since: when the wait began, in seconds of the clock.
        number: position in order of arrival.
    """

    owner: str
    soon: bool
    since: float
    number: int


class ComputeTurn:
    """Lets one thread compute at a time: two at once would share the cores, and both would finish later than in turn.

    Among interactive requests, the owner whose last turn is longest ago goes next, so that ten clips from one person do not
    delay another's first clip. Background work goes after them, until it has waited 30 seconds; then it counts as interactive.

    Args:
        clock: returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: list[_Place] = []
        self._come = 0
        self._turns = 0
        self._last_turn: OrderedDict[str, int] = OrderedDict()
        self._held: _Place | None = None
        self._begun = 0.0
        self._mine = threading.local()

    @contextmanager
    def taken(self, owner: str, soon: bool = True, needless: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Waits for a turn and holds it.

        Args:
            owner: whose work it is.
            soon: whether someone is waiting for the answer; otherwise it is background work.
            needless: returns whether there is nothing left to do; called whenever a turn ends.

        Yields:
            Whether the turn is held; False if the work became needless while waiting.
        """
        place = self._wait(owner, soon, needless)
        if place is None:
            yield False
            return
        self._mine.place = place
        try:
            yield True
        finally:
            self._mine.place = None
            self._release()

    def pause(self, after: float | None = None) -> None:
        """Yields this thread's turn to anyone with precedence, if it has held it for `after` seconds, and then resumes.

        Args:
            after: in seconds; `SLICE_SECONDS` by default.

        The random state of torch and numpy is saved and restored, so pausing does not change later draws.
        """
        place: _Place | None = getattr(self._mine, "place", None)
        if place is None or self._clock() - self._begun < (SLICE_SECONDS if after is None else after):
            return
        with self._changed:
            if not self._waiting:
                self._begun = self._clock()
                return
        # Imported late, as it loads torch: any thread that computes has loaded it, a newly opened page has not.
        from core.models.base.random_numbers import unchanged_random_numbers

        with unchanged_random_numbers():
            self._release()
            self._mine.place = self._wait(place.owner, place.soon)

    def served(self, owner: str) -> None:
        """Counts work done for an owner during someone else's turn as a turn of theirs."""
        with self._changed:
            self._count(owner)

    def waiting(self) -> int:
        """Returns how many are waiting."""
        with self._changed:
            return len(self._waiting)

    def _wait(self, owner: str, soon: bool, needless: Callable[[], bool] = lambda: False) -> _Place | None:
        with self._changed:
            self._come += 1
            place = _Place(owner, soon, self._clock(), self._come)
            self._waiting.append(place)
            try:
                self._changed.wait_for(lambda: needless() or (self._held is None and self._next() is place))
                if needless():
                    return None
                self._held, self._begun = place, self._clock()
                self._count(owner)
                return place
            finally:
                self._waiting.remove(place)
                self._changed.notify_all()

    def _release(self) -> None:
        with self._changed:
            self._held = None
            self._changed.notify_all()

    def _next(self) -> _Place:
        now = self._clock()
        return min(
            self._waiting,
            key=lambda place: (
                not (place.soon or now - place.since >= PATIENCE_SECONDS),
                self._last_turn.get(place.owner, 0),
                place.number,
            ),
        )

    def _count(self, owner: str) -> None:
        self._turns += 1
        self._last_turn[owner] = self._turns
        self._last_turn.move_to_end(owner)
        while len(self._last_turn) > OWNERS_KNOWN:
            self._last_turn.popitem(last=False)
