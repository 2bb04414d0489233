"""Whose turn it is to compute: one at a time, fair between people, those who wait for an answer first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

SLICE_SECONDS = 1.0  # after which long work gives its turn to whoever comes before it: a usual clip takes a third of that
PATIENCE_SECONDS = 30.0  # after which background work no longer stands back
OWNERS_KNOWN = 1000  # when each of them had a turn; who is forgotten counts as new, and comes first


@dataclass(eq=False)
class _Place:
    """One who waits.

    Attributes:
        owner: for whom.
        soon: whether somebody waits for the answer.
        since: when the wait began, by the clock.
        number: in the order of coming.
    """

    owner: str
    soon: bool
    since: float
    number: int


class ComputeTurn:
    """Lets one thread compute at a time: two together would share the cores, and each would take longer than both in turn.

    Among those who wait for an answer, whoever has waited longest since the last turn is next, so that ten clips of one
    person do not delay the first clip of another. Background work comes after them, or after 30 seconds with them.

    Args:
        clock: tells the seconds.
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
            owner: for whom.
            soon: whether somebody waits for the answer; else it is background work.
            needless: whether there is nothing left to do; asked whenever a turn ends.

        Yields:
            Whether it is held; not where it had become needless.
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
        """Gives the turn of this thread to whoever comes before it, if it has had it for so long, and takes it up again.

        Args:
            after: seconds; by default `SLICE_SECONDS`.

        The random numbers that torch and numpy draw afterwards are those they would have drawn without it.
        """
        place: _Place | None = getattr(self._mine, "place", None)
        if place is None or self._clock() - self._begun < (SLICE_SECONDS if after is None else after):
            return
        with self._changed:
            if not self._waiting:
                self._begun = self._clock()
                return
        import torch  # which whoever computes has loaded; a page that was just opened has not

        drawn, drawn_by_numpy = torch.get_rng_state(), np.random.get_state()
        self._release()
        self._mine.place = self._wait(place.owner, place.soon)
        torch.set_rng_state(drawn)
        np.random.set_state(drawn_by_numpy)

    def served(self, owner: str) -> None:
        """Counts what was done for someone in another's turn as a turn."""
        with self._changed:
            self._count(owner)

    def waiting(self) -> int:
        """Returns how many wait."""
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
