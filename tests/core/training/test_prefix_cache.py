"""Frozen prefixes are computed once a clip, within a budget, and kept for other runs."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

from core.models.loading import load_model
from core.storage.cache import FOLDER, DiskCache
from core.training.events import Stepped
from core.training.learner import Learner
from core.training.loop import finetune
from core.training.prefix_cache import PrefixCache
from core.training.recipe import Recipe
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
    first = PrefixCache(budget, DiskCache("prefixes")).get(["a", "b"], compute)
    again = PrefixCache(budget, DiskCache("prefixes"))
    for _ in range(2):
        assert torch.equal(again.get(["a", "b"], compute), first)
    assert again.get(["a"], compute).dtype == dtype
    assert compute.times == 1
    shutil.rmtree(tmp_path / FOLDER)
    PrefixCache(budget, DiskCache("prefixes")).get(["a", "b"], compute)
    assert compute.times == 2


@pytest.mark.parametrize("family", ["tiny_whisper", "tiny_ctc", "tiny_deepspeech", "tiny_moonshine"])
def test_training_from_disk_is_training(
    family: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    losses = []
    for _ in range(2):
        model = load_model(str(request.getfixturevalue(family)), precision="float32")
        losses.append([e.loss for e in finetune(model, TRAIN, TRAIN[:1] * 5, RECIPE) if isinstance(e, Stepped)])
    assert losses[0] == losses[1]
    assert len(list((tmp_path / FOLDER / "prefixes").iterdir())) == 5  # a held-out clip is read at its own length


PARTLY = [
    ("tiny_ctc", Recipe(trains="all_but_front")),
    ("tiny_ctc", Recipe(trains="last", last_layers=1)),
    ("tiny_whisper", Recipe(trains="all_but_front")),
    ("tiny_whisper", Recipe(trains="last", last_layers=3)),
    ("tiny_deepspeech", Recipe(trains="last", last_layers=2)),
]


@pytest.mark.parametrize(("family", "recipe"), PARTLY)
def test_what_is_partly_frozen_is_computed_once_and_learns_the_same(
    family: str, recipe: Recipe, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    recipe = dataclasses.replace(recipe, learning_rate=1e-3, epochs=3, batch_size=2, evaluations=1)
    losses, computed = [], []
    real = Learner._frozen

    def counted(self: Learner, *given: object) -> torch.Tensor:
        computed.append(len(losses))
        return real(self, *given)

    monkeypatch.setattr(Learner, "_frozen", counted)
    for kept in (True, True, False):
        model = load_model(str(request.getfixturevalue(family)), precision="float32")
        if not kept:
            monkeypatch.setattr(PrefixCache, "get", lambda self, keys, compute: compute())
        losses.append([e.loss for e in finetune(model, TRAIN, TRAIN[:1] * 5, recipe) if isinstance(e, Stepped)])
    assert losses[0] == losses[1] == losses[2]
    assert [computed.count(run) for run in range(3)] == [
        3,
        0,
        26 if family == "tiny_ctc" else 12,
    ]  # it reads it from there, too


@pytest.mark.parametrize("trains", ["head", "last", "all_but_front", "everything"])
def test_evaluations_read_from_what_is_frozen_and_write_the_same(
    trains: str, tiny_ctc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    monkeypatch.setattr("core.models.ctc.model.WINDOW_SECONDS", 6.0)
    model = load_model(str(tiny_ctc), precision="float32")
    torch.nn.init.normal_(model.network.lm_head.weight, generator=torch.Generator().manual_seed(5))  # or it writes nothing
    learner = Learner(model, TRAIN, Recipe(trains=trains, last_layers=1, learning_rate=1e-3))
    computed = []
    real = Learner._frozen
    monkeypatch.setattr(Learner, "_frozen", lambda *given: computed.append(1) or real(*given))
    waves = [tone(seconds, 300, seed=9) for seconds in (0.7, 1.9, 7.0)]  # the last one is cut into pieces
    texts = []
    for _ in range(3):
        with torch.no_grad():
            for parameter in learner.learning:
                parameter.add_(0.02 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(texts))))
        written = learner.transcribe(waves)
        texts.append([one.text for one in written])
        ordinary = model.transcribe(waves)
        assert texts[-1] == [one.text for one in ordinary]
        assert [one.confidence for one in written] == pytest.approx([one.confidence for one in ordinary], rel=1e-4)
    assert all(map(all, texts))
    assert texts[0] != texts[-1]
    assert len(computed) == (0 if trains == "everything" else 2)
    assert learner.transcribes_above == (trains != "everything")


def keys_of(folder: Path, recipe: Recipe, change: str = "") -> list[str]:
    """Returns the keys of two clips, with weights of one layer changed a little."""
    model = load_model(str(folder), precision="float32")
    with torch.no_grad():
        for layer in model.layers():
            if layer.name == change:
                layer.parameters[0].add_(1e-6)
    learner = Learner(model, TRAIN, recipe)
    return learner._keys(learner.examples[:2])


@pytest.mark.parametrize(
    ("trains", "below", "above"),
    [
        ("head", ["front", "encoder.rest", "encoder.0", "encoder.1"], ["head"]),
        ("last", ["front", "encoder.rest", "encoder.0"], ["encoder.1", "head"]),
        ("all_but_front", ["front"], ["encoder.rest", "encoder.0", "encoder.1", "head"]),
    ],
)
def test_a_key_holds_the_weights_of_the_prefix_and_no_others(
    tiny_ctc: Path, trains: str, below: list[str], above: list[str]
) -> None:
    recipe = Recipe(trains=trains, last_layers=1)
    keys = keys_of(tiny_ctc, recipe)
    assert keys_of(tiny_ctc, dataclasses.replace(recipe, learning_rate=1e-2, l2_sp=1.0, unfreeze=0.5, layer_drop=0.1)) == keys
    for layer in above:
        assert keys_of(tiny_ctc, recipe, layer) == keys
    for layer in below:
        assert not set(keys_of(tiny_ctc, recipe, layer)) & set(keys)


def test_keys_tell_depths_and_ways_of_reading_apart(tiny_ctc: Path) -> None:
    keys = [keys_of(tiny_ctc, Recipe(trains=trains, last_layers=1)) for trains in ("head", "last", "all_but_front")]
    model = load_model(str(tiny_ctc), precision="float32")
    model.extractor.do_normalize = False  # the same sound reads otherwise
    learner = Learner(model, TRAIN, Recipe(trains="head"))
    keys.append(learner._keys(learner.examples[:2]))
    assert len({key for pair in keys for key in pair}) == 8


def test_a_clip_is_hashed_once(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed = []
    monkeypatch.setattr("core.models.base.protocol.key_of", lambda parts: hashed.append(1) or str(len(hashed)))
    list(finetune(load_model(str(tiny_ctc)), TRAIN, TRAIN[:1] * 5, RECIPE))
    assert len(hashed) == len(TRAIN) + 5 * 3  # a held-out clip once to tell its loss, and each of two times that it is read


def test_a_clip_has_its_own_key_in_a_longer_batch(tiny_ctc: Path) -> None:
    learner = Learner(load_model(str(tiny_ctc)), TRAIN, Recipe(trains="last", last_layers=1))
    short, middle, long = learner.examples[:3]
    assert learner._keys([short, long])[0] == learner._keys([short, middle, long])[0]
    assert learner._keys([short, middle])[0] != learner._keys([short, long])[0]


def test_the_cache_may_be_deleted_during_a_run(tiny_ctc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    monkeypatch.setattr(
        "core.training.learner.PrefixCache", lambda on_disk=None: PrefixCache(0, on_disk)
    )  # all of it from disk
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
