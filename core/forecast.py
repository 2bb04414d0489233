"""How long a fine-tune will take on this machine, by doing a little of it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.learner import Learner, Sounds
from core.models.base import AsrModel
from core.recipe import Recipe

TRIAL_STEPS = 3  # of which the quickest counts: what else the computer does, such as drawing the page, comes and goes
TRIAL_BATCH = 8  # clips of the transcriptions that are timed; a batch costs less than its clips one by one


@dataclass(frozen=True)
class Forecast:
    """Seconds of the parts of a run.

    Attributes:
        train: the optimiser's steps.
        evaluate: transcribing held-out clips, before, during and after.
    """

    train: float
    evaluate: float

    @property
    def total(self) -> float:
        """Seconds in all."""
        return self.train + self.evaluate


def forecast(
    model: AsrModel,
    sample: Sounds,
    easy: Sequence[np.ndarray],
    train: int,
    test: int,
    canary: int,
    validation: int,
    recipe: Recipe,
    watch: int = 0,
) -> Forecast:
    """Times a step and two transcriptions, and scales them up.

    Clips that the base cannot make out cost it several attempts each, so hard and easy clips are timed apart: the
    training clips tell what the base will need, easy ones what the adapted model will.

    Args:
        model: the base; what is timed is a copy, and the model stays as it is.
        sample: training clips of usual length, as many as a batch takes.
        easy: float32 [samples] of a few clips that the base understands.
        train: how many training clips there are.
        test, canary: clips that base and adapted are compared on.
        validation: clips that are transcribed at each evaluation.
        recipe: the choices.
        watch: clips of general speech that are read at each evaluation.
    """
    learner = Learner(copy.deepcopy(model), sample, recipe)
    optimizer = torch.optim.AdamW(learner.groups, fused=True)
    first, times = 0.0, []
    for trial in range(TRIAL_STEPS + 1):
        begun = time.perf_counter()
        optimizer.zero_grad()
        learner.loss(0).backward()
        if recipe.l2_sp or recipe.l2_new:
            learner.anchor.penalty().backward()
        optimizer.step()
        elapsed = time.perf_counter() - begun
        if trial == 0:
            first = elapsed
        else:
            times.append(elapsed)
    step = min(times)
    once = max(0.0, first - step)  # what is kept after the first time a batch is seen
    batches = math.ceil(train / (1 - recipe.replay) / len(sample))
    hard_clip, easy_clip = _seconds_a_clip(model, [wave for wave, _ in sample]), _seconds_a_clip(model, easy)
    looks = validation * recipe.evaluations
    return Forecast(
        train=batches * (step * recipe.epochs + once),
        evaluate=hard_clip * (test + validation) + easy_clip * (test + 2 * canary + looks + watch * (1 + recipe.evaluations)),
    )


def _seconds_a_clip(model: AsrModel, waves: Sequence[np.ndarray]) -> float:
    batch = [waves[i % len(waves)] for i in range(TRIAL_BATCH)]
    begun = time.perf_counter()
    model.transcribe(batch)
    return (time.perf_counter() - begun) / TRIAL_BATCH


def usual_clips(seconds: Sequence[float], count: int) -> list[int]:
    """Returns the indices of the `count` clips nearest to the median duration, for `forecast`'s sample."""
    middle = sorted(seconds)[len(seconds) // 2]
    return sorted(range(len(seconds)), key=lambda i: abs(seconds[i] - middle))[:count]
