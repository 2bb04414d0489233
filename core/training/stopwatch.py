"""A stopwatch for work that pauses; pauses do not count."""

from __future__ import annotations

import time

from core.models.base.protocol import Pause


class Stopwatch:
    """Measures time from its creation, excluding pauses.

    Args:
        pause: called by `Stopwatch.pause`, which the work calls between its steps.
    """

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._begun = time.perf_counter()
        self._paused = 0.0

    def pause(self) -> None:
        """Pauses; the pause is not counted."""
        begun = time.perf_counter()
        self._pause()
        self._paused += time.perf_counter() - begun

    def seconds(self) -> float:
        """Returns the seconds since creation, minus the pauses."""
        return time.perf_counter() - self._begun - self._paused
