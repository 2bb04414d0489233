"""How long a fine-tune will take on this machine, by doing a little of it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core import freezing
from core.models.base import AsrModel
from core.recipe import Recipe
from core.training import Sounds

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
) -> Forecast:
    """Times a step and two transcriptions, and scales them up.

    Clips that the base cannot make out cost it several attempts each, so hard and easy clips are timed apart: the
    training clips tell what the base will need, easy ones what the adapted model will.

    Args:
        model: the base; its parameters are the same afterwards.
        sample: training clips of usual length, as many as a step takes.
        easy: float32 [samples] of a few clips that the base understands.
        train: how many training clips there are.
        test, canary: clips that base and adapted are compared on.
        validation: clips that are transcribed at each evaluation.
        recipe: the choices.
    """
    examples = [model.example(wave, text) for wave, text in sample]
    plans = freezing.plan(model, recipe)
    learning = [p for group in freezing.apply(plans, model.network) for p in group["params"]]
    stand_ins = [p.detach().clone() for p in learning]  # take the optimiser's steps, so that the model stays as it is
    optimizer = torch.optim.AdamW(stand_ins)
    model.network.train()
    prefix, prefix_time = None, 0.0
    if freezing.prefix_is_frozen(plans):
        begun = time.perf_counter()
        with torch.no_grad():
            prefix = model.prefix(examples)
        prefix_time = time.perf_counter() - begun
    step_times = []
    for _ in range(TRIAL_STEPS):
        begun = time.perf_counter()
        model.loss(examples, prefix).backward()
        for stand_in, parameter in zip(stand_ins, learning, strict=True):
            stand_in.grad, parameter.grad = parameter.grad, None
        optimizer.step()
        step_times.append(time.perf_counter() - begun)
    model.network.requires_grad_(True).eval()
    batches = math.ceil(train / len(examples))
    hard_clip, easy_clip = _seconds_a_clip(model, [wave for wave, _ in sample]), _seconds_a_clip(model, easy)
    return Forecast(
        train=batches * (min(step_times) * recipe.epochs + prefix_time),
        evaluate=hard_clip * (test + validation) + easy_clip * (test + 2 * canary + validation * recipe.evaluations),
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
