"""Timing work that pauses, without its pauses."""

from __future__ import annotations

import time

from core.models.base.protocol import Pause


class Stopwatch:
    """Starts when it is made.

    Args:
        pause: what the work is to call between its steps, through `Stopwatch.pause`.
    """

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._begun = time.perf_counter()
        self._paused = 0.0

    def pause(self) -> None:
        """Pauses; the time that takes does not count."""
        begun = time.perf_counter()
        self._pause()
        self._paused += time.perf_counter() - begun

    def seconds(self) -> float:
        """Returns the seconds since it was made, less the pauses."""
        return time.perf_counter() - self._begun - self._paused
