"""Finds a learning rate by raising it step by step and watching the loss (Smith 2017, arXiv 1506.01186, "LR range test")."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.audio.waves import Sounds
from core.models.base.protocol import AsrModel
from core.models.base.random_numbers import RandomNumbers
from core.training.learner import Learner
from core.training.recipe import Recipe
from core.training.regularisation import regularised

LOWEST_RATE, HIGHEST_RATE = 1e-7, 1e-1
STEPS = 60
SMOOTHING = 0.8  # weight of the past in the running mean of the loss
BELOW_LOWEST = 0.1  # the suggestion, as a share of the rate at the lowest loss
BLOWN_UP = 3.0  # times the lowest running mean; the search ends there


@dataclass(frozen=True)
class RateCurve:
    """The loss at each rate.

    Attributes:
        rates: the rates tried, each a constant factor above the last.
        losses: the batch loss at each rate, before its step.
        smoothed: their running mean.
        suggestion: a tenth of the rate at which the running mean was lowest; None if it never fell.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]
    suggestion: float | None


def find_rate(
    model: AsrModel,
    train: Sounds,
    recipe: Recipe,
    *,
    seed: int = 0,
    steps: int = STEPS,
    on_step: Callable[[int, int], None] = lambda done, steps: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> RateCurve:
    """Trains a copy for a few steps at rates that rise from 1e-7 to 0.1, until the loss blows up.

    The rate is that of the topmost body layer; the rates of the head and the lower layers follow from the recipe.

    Args:
        model: the base; it is not changed.
        train: clips to train on.
        recipe: the recipe; its learning rate does not matter.
        seed: for batches, dropout and augmentation.
        steps: maximum number of rates.
        on_step: called after each rate with the number done and the total.
        should_stop: called before each rate; True ends the search.

    Raises:
        DatasetError: there is nothing to train on.
    """
    with RandomNumbers(seed, model.device):
        learner = Learner(copy.deepcopy(model), train, recipe, seed)
        with regularised(learner.model.network, recipe):
            return _curve(learner, seed, steps, on_step, should_stop)


def _curve(
    learner: Learner, seed: int, steps: int, on_step: Callable[[int, int], None], should_stop: Callable[[], bool]
) -> RateCurve:
    recipe = learner.recipe
    shares = [group["lr"] / recipe.learning_rate for group in learner.groups]
    optimizer = torch.optim.AdamW(learner.groups, fused=True)
    order = np.random.default_rng(seed)
    batches: list[int] = []
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    for step in range(steps):
        if should_stop():
            break
        rate = LOWEST_RATE * (HIGHEST_RATE / LOWEST_RATE) ** (step / max(1, steps - 1))
        for group, share in zip(optimizer.param_groups, shares, strict=True):
            group["lr"] = rate * share
        batches = batches or [int(i) for i in order.permutation(len(learner.batches))]
        optimizer.zero_grad()
        loss = learner.backward(batches.pop())
        if not math.isfinite(loss):
            break
        torch.nn.utils.clip_grad_norm_(learner.learning, recipe.clip_norm)
        optimizer.step()
        rates.append(rate)
        losses.append(loss)
        smoothed.append(loss if not smoothed else SMOOTHING * smoothed[-1] + (1 - SMOOTHING) * loss)
        on_step(step + 1, steps)
        if smoothed[-1] > BLOWN_UP * min(smoothed):
            break
    return RateCurve(tuple(rates), tuple(losses), tuple(smoothed), suggested(rates, smoothed))


def suggested(rates: Sequence[float], smoothed: Sequence[float]) -> float | None:
    """Returns a tenth of the rate at which the running mean was lowest, or None if it never fell.

    At its lowest point the loss is about to rise again, so the peak rate should be well below. The steepest descent is the
    other common choice, but with a few dozen clips it mostly reflects the difference between two batches.
    """
    lowest = int(np.argmin(smoothed)) if smoothed else 0
    return rates[lowest] * BELOW_LOWEST if lowest > 0 else None
