"""What draws random numbers leaves those of its caller as they were, and draws the same whatever was drawn before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.models.base.protocol import AsrModel
from core.models.classifier import Classifier
from core.models.loading import load_model
from core.models.random_start import randomise
from core.training.forecast import Workload, forecast
from core.training.loop import finetune
from core.training.rate_finder import find_rate
from core.training.recipe import Recipe
from tests.conftest import tone

TRAIN = [(tone(1.0), "one"), (tone(1.2, 300), "two")]
RECIPE = Recipe(epochs=1, evaluations=1, dropout=0.2, layer_drop=0.3)
WORK = Workload(sample=TRAIN, hard=[tone(1.0)], easy=[tone(1.0)], train=2, test=1, canary=1, validation=1)


def first_parameters(model: AsrModel) -> list[float]:
    return [float(parameter.detach().double().sum()) for parameter in model.network.parameters()]


def randomised(model: AsrModel) -> list[float]:
    randomise(model, 3)
    return first_parameters(model)


def stopped_finetune(model: AsrModel) -> list[float]:
    """One that is closed after its first step."""
    events = finetune(model, TRAIN, (), RECIPE, seed=3)
    while type(next(events)).__name__ != "Stepped":
        pass
    events.close()
    return first_parameters(model)


CALLS: dict[str, Callable[[AsrModel], Any]] = {
    "finetune": lambda model: len(list(finetune(model, TRAIN, TRAIN, RECIPE, seed=3))),
    "a stopped finetune": stopped_finetune,
    "find_rate": lambda model: find_rate(model, TRAIN, RECIPE, seed=3, steps=3),
    "forecast": lambda model: type(forecast(model, WORK, RECIPE)),
    "randomise": randomised,
    "a classifier": lambda model: first_parameters(Classifier.from_recogniser(model, ["one", "two"], "float32", 3)),
}


@pytest.mark.parametrize("call", CALLS)
def test_the_callers_random_numbers_stay(call: str, tiny_ctc: Path) -> None:
    results = []
    for seed in (1, 2):
        model = load_model(str(tiny_ctc), precision="float32")
        torch.manual_seed(seed)
        np.random.seed(seed)
        before, before_of_numpy = torch.get_rng_state(), np.random.get_state()
        results.append(CALLS[call](model))
        assert torch.equal(torch.get_rng_state(), before)
        assert all(np.array_equal(a, b) for a, b in zip(np.random.get_state(), before_of_numpy, strict=True))
    assert results[0] == results[1]
