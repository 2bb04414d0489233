"""How long a fine-tune will take on this machine, by doing a little of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core import freezing
from core.models.base import AsrModel
from core.recipe import Recipe
from core.training import Sounds

TRIAL_CLIPS = 2  # of the step that is timed
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
    train_seconds: Sequence[float],
    test: int,
    canary: int,
    validation: int,
    recipe: Recipe,
) -> Forecast:
    """Times one small step and two transcriptions, and scales them up.

    Clips that the base cannot make out cost it several attempts each, so hard and easy clips are timed apart: the
    training clips tell what the base will need, easy ones what the adapted model will.

    Args:
        model: the base; its parameters are the same afterwards.
        sample: a few training clips of usual length.
        easy: float32 [samples] of a few clips that the base understands.
        train_seconds: the duration of every training clip.
        test, canary: clips that base and adapted are compared on.
        validation: clips that are transcribed at each evaluation.
        recipe: the choices.
    """
    trial = list(sample)[:TRIAL_CLIPS]
    examples = [model.example(wave, text) for wave, text in trial]
    plans = freezing.plan(model, recipe)
    learning = [p for group in freezing.apply(plans, model.network) for p in group["params"]]
    model.network.train()
    prefix, prefix_time = None, 0.0
    if freezing.prefix_is_frozen(plans):
        begun = time.perf_counter()
        with torch.no_grad():
            prefix = model.prefix(examples)
        prefix_time = time.perf_counter() - begun
    step_time = 0.0
    for _ in range(2):  # the first one warms up memory and kernels
        begun = time.perf_counter()
        model.loss(examples, prefix).backward()
        step_time = time.perf_counter() - begun
    for parameter in learning:
        parameter.grad = None
    model.network.requires_grad_(True).eval()
    ratio = sum(train_seconds) / max(1e-6, sum(example.seconds for example in examples))
    hard_clip, easy_clip = _seconds_a_clip(model, [wave for wave, _ in trial]), _seconds_a_clip(model, easy)
    return Forecast(
        train=ratio * (step_time * recipe.epochs + prefix_time),
        evaluate=hard_clip * (test + validation) + easy_clip * (test + 2 * canary + validation * recipe.evaluations),
    )


def _seconds_a_clip(model: AsrModel, waves: Sequence[np.ndarray]) -> float:
    batch = [waves[i % len(waves)] for i in range(TRIAL_BATCH)]
    begun = time.perf_counter()
    model.transcribe(batch)
    return (time.perf_counter() - begun) / TRIAL_BATCH


def usual_clips(seconds: Sequence[float]) -> list[int]:
    """Returns the indices of the clips nearest to the median duration, for `forecast`'s sample."""
    middle = sorted(seconds)[len(seconds) // 2]
    return sorted(range(len(seconds)), key=lambda i: abs(seconds[i] - middle))[:TRIAL_CLIPS]
