"""Frozen prefixes are computed once a clip, within a budget, and kept for other runs."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

from core.events import Stepped
from core.features import PrefixCache
from core.learner import Learner
from core.models.catalogue import load_model
from core.recipe import Recipe
from core.store import FOLDER, Store
from core.training import finetune
from tests.conftest import tone

TRAIN = [(tone(0.6 + 0.2 * i, 150 + 70 * i, seed=i), text) for i, text in enumerate(["one", "two", "three", "four"])]
RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=3, batch_size=2, evaluations=1)


class Counted:
    """Computes rows of two frames and counts how often."""

    def __init__(self, *values: float, dtype: torch.dtype = torch.float32) -> None:
        self.values, self.dtype, self.times = values, dtype, 0

    def __call__(self) -> torch.Tensor:
        self.times += 1
        return torch.tensor(self.values, dtype=self.dtype)[:, None, None].expand(-1, 2, 5).clone()  # 10 numbers a clip


def test_a_clip_is_computed_once_whatever_its_batch() -> None:
    cache, compute = PrefixCache(), Counted(3.0, 4.0)
    assert cache.get(["a", "b"], compute)[:, 0, 0].tolist() == [3.0, 4.0]
    assert cache.get(["b", "a"], compute)[:, 0, 0].tolist() == [4.0, 3.0]
    assert cache.get(["b"], compute)[:, 0, 0].tolist() == [4.0]
    assert compute.times == 1
    assert cache.get(["b", "c"], Counted(4.0, 5.0))[:, 0, 0].tolist() == [4.0, 5.0]


@pytest.mark.parametrize(("budget", "kept"), [(0, 0), (39, 0), (40, 1), (79, 1), (80, 2), (1_000, 3)])
def test_the_budget_is_respected(budget: int, kept: int) -> None:
    cache = PrefixCache(budget)
    computes = [Counted(1.0) for _ in range(3)]  # 40 bytes each
    for _ in range(4):
        for key, compute in zip("abc", computes, strict=True):
            cache.get([key], compute)
    assert [compute.times for compute in computes] == [1] * kept + [4] * (3 - kept)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("budget", [0, 1_000])
def test_another_run_finds_it_on_disk(budget: int, dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    compute = Counted(0.3, -7.0, dtype=dtype)
    first = PrefixCache(budget, Store("prefixes")).get(["a", "b"], compute)
    again = PrefixCache(budget, Store("prefixes"))
    for _ in range(2):
        assert torch.equal(again.get(["a", "b"], compute), first)
    assert again.get(["a"], compute).dtype == dtype
    assert compute.times == 1
    shutil.rmtree(tmp_path / FOLDER)
    PrefixCache(budget, Store("prefixes")).get(["a", "b"], compute)
    assert compute.times == 2


@pytest.mark.parametrize("family", ["tiny_whisper", "tiny_ctc", "tiny_deepspeech", "tiny_moonshine"])
def test_training_from_disk_is_training(
    family: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    losses = []
    for _ in range(2):
        model = load_model(str(request.getfixturevalue(family)), precision="float32")
        losses.append([e.loss for e in finetune(model, TRAIN, TRAIN[:1], RECIPE) if isinstance(e, Stepped)])
    assert losses[0] == losses[1]
    assert len(list((tmp_path / FOLDER / "prefixes").iterdir())) == 5  # a held-out clip is read at its own length


def test_other_frozen_weights_have_other_keys(tiny_ctc: Path) -> None:
    keys = []
    for change in (0.0, 0.0, 1e-6):
        model = load_model(str(tiny_ctc), precision="float32")
        with torch.no_grad():
            next(model.network.parameters()).add_(change)
        learner = Learner(model, TRAIN, RECIPE)
        keys.append(learner._keys(learner.examples[:2]))
    assert keys[0] == keys[1]
    assert not set(keys[1]) & set(keys[2])


def test_the_cache_may_be_deleted_during_a_run(tiny_ctc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    monkeypatch.setattr("core.learner.PrefixCache", lambda store: PrefixCache(0, store))  # all of it from disk
    model = load_model(str(tiny_ctc), precision="float32")
    steps = 0
    for event in finetune(model, TRAIN, (), dataclasses.replace(RECIPE, epochs=2)):
        shutil.rmtree(tmp_path / FOLDER, ignore_errors=True)
        steps += isinstance(event, Stepped)
    assert steps == 4


def test_a_prefix_carries_no_graph() -> None:
    weight = torch.ones(1, 2, 3, requires_grad=True)
    for budget in (0, 1_000):
        value = PrefixCache(budget).get(["a"], lambda: weight * 2)
        assert not value.requires_grad
        assert value.grad_fn is None


def test_a_failing_prefix_is_not_kept() -> None:
    cache, compute = PrefixCache(), Counted(1.0)

    def failing() -> torch.Tensor:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        cache.get(["a"], failing)
    cache.get(["a"], compute)
    assert compute.times == 1
