"""Who learns, at what rate, and what holds it back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from core.models.base.protocol import FRONT
from core.models.loading import load_model
from core.training import freezing
from core.training.recipe import Recipe
from core.training.regularisation import Anchor


def rates(folder: Path, recipe: Recipe) -> dict[str, float]:
    return {entry.layer.name: entry.rate for entry in freezing.plan(load_model(str(folder)), recipe)}


@pytest.mark.parametrize(
    ("trains", "frozen"),
    [
        ("everything", set()),
        ("all_but_front", {"front"}),
        ("all_but_head", {"embeddings"}),
        ("decoder", {"front", "encoder.0", "encoder.1", "encoder.norm"}),
        ("head", {"front", "encoder.0", "encoder.1", "encoder.norm", "decoder.0", "decoder.1", "decoder.norm"}),
    ],
)
def test_whisper_plans(tiny_whisper: Path, trains: str, frozen: set[str]) -> None:
    planned = rates(tiny_whisper, Recipe(trains=trains, learning_rate=1e-3))
    assert {name for name, rate in planned.items() if rate == 0} == frozen
    assert {rate for rate in planned.values() if rate} == {1e-3}


def test_lower_layers_learn_more_slowly_and_the_head_at_its_own_rate(tiny_ctc: Path) -> None:
    planned = rates(tiny_ctc, Recipe(trains="all_but_front", learning_rate=1e-3, layer_decay=0.5, head_rate=10))
    assert planned == pytest.approx(
        {"front": 0.0, "encoder.rest": 0.125e-3, "encoder.0": 0.25e-3, "encoder.1": 0.5e-3, "head": 10e-3}
    )


def test_apply_freezes_the_rest_whatever_was_trained_before(tiny_ctc: Path) -> None:
    model = load_model(str(tiny_ctc))
    freezing.apply(freezing.plan(model, Recipe(trains="everything")), model.network)
    groups = freezing.apply(freezing.plan(model, Recipe(trains="head")), model.network)
    assert [group["name"] for group in groups] == ["head"]
    learns = {name for name, p in model.network.named_parameters() if p.requires_grad}
    assert learns == {"lm_head.weight", "lm_head.bias"}


@pytest.mark.parametrize(
    ("family", "recipe", "layers"),
    [
        ("tiny_whisper", Recipe(trains="decoder"), None),
        ("tiny_whisper", Recipe(trains="head"), None),
        ("tiny_whisper", Recipe(trains="last", last_layers=3), 1),
        ("tiny_whisper", Recipe(trains="all_but_front"), 0),
        ("tiny_ctc", Recipe(trains="head"), None),
        ("tiny_ctc", Recipe(trains="last", last_layers=1), 1),
        ("tiny_ctc", Recipe(trains="last", last_layers=1, unfreeze=0.5), 1),
        ("tiny_ctc", Recipe(trains="last", last_layers=2), FRONT),
        ("tiny_ctc", Recipe(trains="all_but_front"), FRONT),
        ("tiny_ctc", Recipe(trains="all_but_front", unfreeze=0.9), FRONT),  # what joins last counts
        ("tiny_deepspeech", Recipe(trains="last", last_layers=1), 3),
        ("tiny_deepspeech", Recipe(trains="last", last_layers=3), 1),
        ("tiny_moonshine", Recipe(trains="decoder"), None),
        ("tiny_mms", Recipe(trains="head"), FRONT),  # its adapters for a language stand in every layer
    ],
)
def test_how_deep_a_prefix_may_be_kept(family: str, recipe: Recipe, layers: int | None, request: pytest.FixtureRequest) -> None:
    model = load_model(str(request.getfixturevalue(family)))
    groups = freezing.apply(freezing.plan(model, recipe), model.network)
    depth = freezing.frozen_depth(model.depths(), [p for group in groups for p in group["params"]])
    assert depth is not None
    assert depth.layers == layers
    assert not any(weight.requires_grad for _, weight in depth.weights)


@pytest.mark.parametrize(
    ("family", "trains"),
    [("tiny_whisper", "everything"), ("tiny_ctc", "everything"), ("tiny_ctc", "encoder"), ("tiny_moonshine", "all_but_front")],
)
def test_where_the_lowest_part_learns_no_prefix_is_kept(family: str, trains: str, request: pytest.FixtureRequest) -> None:
    model = load_model(str(request.getfixturevalue(family)))
    groups = freezing.apply(freezing.plan(model, Recipe(trains=trains)), model.network)
    assert freezing.frozen_depth(model.depths(), [p for group in groups for p in group["params"]]) is None


def test_the_anchor_is_the_formula() -> None:
    first, second = nn.Parameter(torch.tensor([1.0, 2.0])), nn.Parameter(torch.tensor([[2.0]]))
    anchor = Anchor([first, second], strength=0.5)
    assert anchor.penalty().item() == 0.0
    assert anchor.distance() == 0.0
    with torch.no_grad():
        first += torch.tensor([1.0, -2.0])
        second += 2.0
    penalty = anchor.penalty()
    assert penalty.item() == pytest.approx(0.5 * (1 + 4 + 4))
    penalty.backward()
    assert first.grad is not None
    assert first.grad.tolist() == pytest.approx([2 * 0.5 * 1, 2 * 0.5 * -2])
    assert anchor.distance() == pytest.approx((9 / 9) ** 0.5)


def test_the_distance_is_measured_without_a_pull_too() -> None:
    first, second = nn.Parameter(torch.tensor([1 / 3, 2.0])), nn.Parameter(torch.tensor([[2.0]]))
    anchor = Anchor([first, second], strength=0.0)
    assert anchor.distance() == 0.0
    with torch.no_grad():
        first += torch.tensor([0.0, -2.0])
        second += 1.0
    assert anchor.distance() == pytest.approx((5 / (1 / 9 + 8)) ** 0.5)
    assert anchor.distance([second]) == pytest.approx(0.5)
    assert anchor.penalty().item() == 0.0


@pytest.mark.parametrize("trains", ["all_but_head", "encoder"])
def test_a_new_output_layer_learns_by_any_plan(tiny_ctc: Path, trains: str) -> None:
    model = load_model(str(tiny_ctc))
    kept = {entry.layer.part for entry in freezing.plan(model, Recipe(trains=trains)) if entry.rate}
    model.fit_to(["xyz"], [1.0], "new")
    changed = {entry.layer.part for entry in freezing.plan(model, Recipe(trains=trains)) if entry.rate}
    assert changed - kept == {"head"}
