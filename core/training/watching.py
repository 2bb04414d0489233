"""Transcribing one held-out clip now and then while a model learns, for whoever looks on."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from core.models.base.random_numbers import unchanged_random_numbers
from core.training.events import Watched
from core.training.learner import Learner

MOMENTS = 12  # at most, the base and the end of training included
SHARE = 0.05  # of the training time
LEAST_SECONDS = 0.5  # a training of a few seconds may spend this much, or its transcript would never change


@dataclass(frozen=True)
class WatchedClip:
    """A clip that is neither trained on nor used to choose anything.

    Attributes:
        id: of the clip.
        wave: float32 [samples] at 16 kHz.
        reference: its reference text.
        base: the base's transcript.
    """

    id: str
    wave: np.ndarray
    reference: str
    base: str


class Watcher:
    """Transcribes a clip at some steps of a training, spread evenly, as many as the time allows.

    What it sees is only shown: the trained weights are the same, bit for bit, whether a clip is watched or not, and however
    long that takes. Random numbers and the caches of frozen prefixes stay as they are.

    Args:
        learner: the model that is trained.
        clip: the clip to watch; None for none.
        steps: planned number of steps.

    Attributes:
        seconds: total time spent so far.
    """

    def __init__(self, learner: Learner, clip: WatchedClip | None, steps: int) -> None:
        self._clip, self._steps = clip, steps
        self._transcribe = learner.transcribing_apart()
        self._moments, self._next = 0, max(1, round(steps / MOMENTS))
        self._took = 0.0  # seconds of the last transcription
        self.seconds = 0.0

    def begin(self) -> Iterator[Watched]:
        """Yields what the base wrote, which is known."""
        if self._clip is not None:
            yield self._seen(0, self._clip.base, 0.0)

    def after_step(self, step: int, seconds: float) -> Iterator[Watched]:
        """Yields what the model writes after a step, if it is the step for it.

        Args:
            step: number of steps taken.
            seconds: time since training began, including evaluations.
        """
        if self._clip is None or not self._next <= step < self._steps:
            return
        yield self._look(step, seconds)
        # The model that is kept is transcribed with, too: that one is paid for first.
        allowed = _allowed((seconds - self.seconds) * self._steps / step) - self.seconds
        more = min(MOMENTS - 2 - self._moments, math.floor(allowed / max(self._took, 1e-9)) - 1)
        self._next = step + math.ceil((self._steps - step) / (more + 1)) if more > 0 else self._steps

    def end(self, steps: int, seconds: float) -> Iterator[Watched]:
        """Yields what the model that is kept writes, unless no time is left for it.

        Args:
            steps: number of steps taken.
            seconds: time since training began, including evaluations.
        """
        if self._clip is not None and steps and self.seconds + self._took <= _allowed(seconds - self.seconds):
            yield self._look(steps, seconds)

    def _look(self, step: int, seconds: float) -> Watched:
        assert self._clip is not None, "there is a clip to watch"
        begun = time.perf_counter()
        with unchanged_random_numbers():
            text = self._transcribe(self._clip.wave).text
        self._took = time.perf_counter() - begun
        self._moments += 1
        self.seconds += self._took
        return self._seen(step, text, seconds)

    def _seen(self, step: int, text: str, seconds: float) -> Watched:
        assert self._clip is not None, "there is a clip to watch"
        return Watched(step, text, self._clip.reference, self._clip.base, self._clip.id, seconds)


def at_most(training: float, clip: float) -> float:
    """Returns the most seconds that a `Watcher` spends in all.

    Args:
        training: seconds of the training, including evaluations.
        clip: seconds of transcribing the clip.
    """
    return min((MOMENTS - 1) * clip, max(_allowed(training), clip))


def _allowed(seconds: float) -> float:
    return max(LEAST_SECONDS, SHARE * seconds)
