"""What learns, in which order, with what mixed in; and finding a rate."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from core.audio.augment.settings import Augmentation
from core.errors import DatasetError
from core.models.base.protocol import FRONT, AsrModel
from core.models.loading import load_model
from core.training import adapters
from core.training.events import Evaluated, Noticed, Prepared, Stepped, Trained
from core.training.freezing import joined, plan
from core.training.learner import Learner
from core.training.loop import finetune, rate_share
from core.training.rate_finder import find_rate, suggested
from core.training.recipe import ADAPTERS, Recipe
from core.training.regularisation import regularised
from tests.conftest import attach_by_peft, tone

TRAIN = [(tone(0.8 + 0.2 * i, 150 + 70 * i, seed=i), text) for i, text in enumerate(["one", "two", "three", "four"])]
GENERAL = [(tone(1.0, 200 + 50 * i, seed=20 + i), f"general {i}") for i in range(3)]
RECIPE = Recipe(learning_rate=1e-3, epochs=2, batch_size=2, evaluations=1)


def load(folder: Path) -> AsrModel:
    return load_model(str(folder), precision="float32")


@pytest.mark.parametrize(
    ("family", "trains", "last", "learns"),
    [
        ("tiny_whisper", "encoder", 2, {"front", "encoder.0", "encoder.1", "encoder.norm"}),
        ("tiny_whisper", "last", 1, {"decoder.1", "decoder.norm", "embeddings"}),
        ("tiny_whisper", "last", 3, {"encoder.1", "encoder.norm", "decoder.0", "decoder.1", "decoder.norm", "embeddings"}),
        ("tiny_ctc", "last", 1, {"encoder.1", "head"}),
        ("tiny_ctc", "encoder", 2, {"front", "encoder.rest", "encoder.0", "encoder.1"}),
        ("tiny_ctc", "decoder", 2, {"head"}),
        ("tiny_deepspeech", "last", 1, {"encoder.rnn", "head.fc4", "head.out"}),
    ],
)
def test_plans_by_name(family: str, trains: str, last: int, learns: set[str], request: pytest.FixtureRequest) -> None:
    plans = plan(load(request.getfixturevalue(family)), Recipe(trains=trains, last_layers=last))
    assert {entry.layer.name for entry in plans if entry.rate} == learns


def test_layers_join_from_the_top_evenly() -> None:
    assert [joined(4, step, 100, 0.0) for step in (1, 50)] == [4, 4]
    assert [joined(4, step, 30, 0.5) for step in (1, 5, 6, 11, 16, 30)] == [1, 1, 2, 3, 4, 4]
    assert [joined(4, step, 3000, 0.5) for step in (1, 500, 501, 1001, 1501)] == [1, 1, 2, 3, 4]


def test_what_has_not_joined_has_not_moved(tiny_ctc: Path) -> None:
    model = load(tiny_ctc)
    recipe = dataclasses.replace(RECIPE, unfreeze=0.9, epochs=5)
    learner = Learner(model, TRAIN, recipe)
    learner.join(1, 10)
    assert [group["params"][0].requires_grad for group in learner.groups] == [False] * (len(learner.groups) - 1) + [True]
    moved = [e for e in finetune(load(tiny_ctc), TRAIN, TRAIN[:1], dataclasses.replace(recipe, evaluations=10, guards=False))]
    drifts = [dict(e.drift) for e in moved if isinstance(e, Evaluated)]
    assert drifts[0]["head"] == 0.0
    assert drifts[1]["head"] > 0.0
    assert drifts[1]["front"] == 0.0
    assert drifts[-1]["encoder.1"] > 0.0


@pytest.mark.parametrize("schedule", ["linear", "cosine", "constant"])
def test_schedules_rise_then_fall_or_stay(schedule: str) -> None:
    shares = [rate_share(step, 40, 0.1, schedule) for step in range(40)]
    assert shares[:4] == [0.25, 0.5, 0.75, 1.0]
    assert shares[4] == 1.0
    if schedule == "constant":
        assert set(shares[4:]) == {1.0}
    else:
        assert all(a > b for a, b in itertools.pairwise(shares[4:]))
        assert 0 < shares[-1] < 0.1
    assert rate_share(22, 40, 0.1, "cosine") == pytest.approx(0.5)


def test_accumulated_batches_are_one_large_batch(tiny_whisper: Path) -> None:
    """Clips of equal length and labels: the mean of two halves is the mean of the whole."""
    clips = [(tone(1.0, 150 + 70 * i, seed=i), "one two") for i in range(4)]
    recipe = dataclasses.replace(RECIPE, epochs=3, trains="decoder")
    results = []
    for size, accumulate in ((4, 1), (2, 2)):
        model = load(tiny_whisper)
        happened = list(
            finetune(model, clips, (), dataclasses.replace(recipe, batch_size=size, accumulate=accumulate, dropout=0.0))
        )
        results.append([e.loss for e in happened if isinstance(e, Stepped)])
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4)


def test_replayed_speech_is_the_share_that_was_asked_for(tiny_whisper: Path) -> None:
    happened = list(finetune(load(tiny_whisper), TRAIN, (), dataclasses.replace(RECIPE, replay=0.5), general=GENERAL))
    prepared = next(e for e in happened if isinstance(e, Prepared))
    assert (prepared.clips, prepared.replayed) == (8, 4)
    alone = list(finetune(load(tiny_whisper), TRAIN, (), dataclasses.replace(RECIPE, replay=0.5)))
    assert [e.reason for e in alone if isinstance(e, Noticed)][:1] == ["replay_none"]


def test_general_speech_is_watched_and_not_trained_on(tiny_whisper: Path) -> None:
    happened = list(finetune(load(tiny_whisper), TRAIN, TRAIN[:1], RECIPE, watch=GENERAL))
    looks = [e for e in happened if isinstance(e, Evaluated)]
    assert all(look.canary_wer is not None and look.loss is not None for look in looks)
    assert next(e for e in happened if isinstance(e, Prepared)).clips == 4


@pytest.mark.parametrize("family", ["tiny_whisper", "tiny_ctc", "tiny_deepspeech"])
def test_augmentation_changes_what_is_read_and_nothing_else(family: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(family)
    augment = Augmentation(speed=0.1, gain=6.0, noise=1.0)
    results = []
    for recipe in (RECIPE, dataclasses.replace(RECIPE, augment=augment), dataclasses.replace(RECIPE, augment=augment)):
        happened = list(finetune(load(folder), TRAIN, (), recipe, seed=4))
        results.append([e.loss for e in happened if isinstance(e, Stepped)])
    assert results[0] != results[1]
    assert results[1] == results[2]  # drawn from the run's seed
    assert all(np.isfinite(results[1]))


@pytest.mark.parametrize("kind", ADAPTERS[1:])
def test_an_adapter_learns_is_saved_and_leaves_an_ordinary_model(kind: str, tiny_whisper: Path, tmp_path: Path) -> None:
    model = load(tiny_whisper)
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    recipe = dataclasses.replace(RECIPE, adapter=kind, adapter_rank=2, learning_rate=1e-2, epochs=4)
    happened = list(finetune(model, TRAIN, TRAIN[:1], recipe, adapter_folder=tmp_path))
    trained = happened[-1]
    assert isinstance(trained, Trained)
    assert dict(trained.drift)["decoder.0"] > 0
    assert not adapters.is_attached(model)
    after = dict(model.network.named_parameters())
    assert after.keys() == before.keys()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved
    assert all(".self_attn." in name or ".encoder_attn." in name for name in moved)
    fresh = load(tiny_whisper)
    attach_by_peft(fresh, tmp_path)
    examples = [model.example(*clip) for clip in TRAIN]
    with torch.no_grad():
        torch.testing.assert_close(fresh.loss(examples), model.loss(examples), rtol=1e-3, atol=1e-4)


def test_a_ctc_head_learns_beside_its_adapter(tiny_ctc: Path) -> None:
    learner = Learner(load(tiny_ctc), TRAIN, dataclasses.replace(RECIPE, adapter="lora", adapter_rank=2))
    learning = {entry.layer.name: len(entry.learning) for entry in learner.plans}
    assert learning["head"] == 2
    assert learning["front"] == 0
    assert learning["encoder.0"] == 8  # A and B of query, key, value and output


def test_a_recipe_by_which_nothing_learns_is_refused(tiny_ctc: Path) -> None:
    with pytest.raises(DatasetError, match="This recipe trains nothing") as caught:
        Learner(load(tiny_ctc), TRAIN, Recipe(trains="head", head_rate=0.0))
    assert caught.value.reason == "nothing_learns"


def test_the_rate_that_is_suggested_lies_below_the_lowest_loss() -> None:
    rates = [10.0**-k for k in range(7, 0, -1)]
    assert suggested(rates, [3.0, 2.9, 2.7, 1.5, 1.0, 2.0, 9.0]) == pytest.approx(1e-4)
    assert suggested(rates, [1.0, 1.1, 1.2, 1.3, 2.0, 3.0, 9.0]) is None
    assert suggested([1e-7], [1.0]) is None
    assert suggested([], []) is None


def test_finding_a_rate_leaves_the_model_as_it_was(tiny_whisper: Path) -> None:
    model = load(tiny_whisper)
    before = [p.detach().clone() for p in model.network.parameters()]
    told: list[tuple[int, int]] = []
    curve = find_rate(model, TRAIN, RECIPE, steps=25, on_step=lambda done, steps: told.append((done, steps)))
    assert len(curve.rates) == len(curve.losses) == len(curve.smoothed) == len(told)
    assert all(b > a for a, b in zip(curve.rates, curve.rates[1:], strict=False))
    assert curve.suggestion is not None
    assert 1e-6 < curve.suggestion <= 0.1
    assert all(torch.equal(a, b) for a, b in zip(before, model.network.parameters(), strict=True))
    assert find_rate(model, TRAIN, RECIPE, steps=25) == curve


@pytest.mark.parametrize(
    ("family", "changes", "reaches"),
    [
        ("tiny_ctc", {"trains": "last", "last_layers": 1}, 1),
        ("tiny_ctc", {"trains": "last", "last_layers": 1, "augment": Augmentation(time_mask=0.1)}, FRONT),
        ("tiny_ctc", {"trains": "head", "augment": Augmentation(frequency_mask=0.1)}, FRONT),
        ("tiny_ctc", {"adapter": "lora", "adapter_rank": 2}, FRONT),
        ("tiny_whisper", {"trains": "last", "last_layers": 3, "augment": Augmentation(time_mask=0.1)}, 1),
        ("tiny_whisper", {"adapter": "lora", "adapter_rank": 2}, 0),
    ],
)
def test_how_deep_a_recipe_keeps(family: str, changes: dict, reaches: int, request: pytest.FixtureRequest) -> None:
    learner = Learner(load(request.getfixturevalue(family)), TRAIN, dataclasses.replace(RECIPE, **changes), keep=False)
    assert learner._depth is not None
    assert learner._depth.layers == reaches
    hidden_masks = family == "tiny_ctc"  # the spectrum of the others is masked below all that could be kept
    assert learner.keeps_prefix == (hidden_masks or "augment" not in changes)


@pytest.mark.parametrize("trains", ["last", "head", "all_but_front"])
def test_what_is_kept_is_never_masked_and_what_the_recipe_masks_is(tiny_ctc: Path, trains: str) -> None:
    """A network that masks its own first hidden layer does so above the convolutions that are kept, anew each time."""
    recipe = dataclasses.replace(RECIPE, trains=trains, last_layers=1, dropout=0.0, layer_drop=0.0)
    for share, different in ((0.0, trains == "all_but_front"), (0.2, True)):
        chosen = dataclasses.replace(recipe, augment=Augmentation(time_mask=share))
        learner = Learner(load(tiny_ctc), TRAIN, chosen, keep=False)
        with regularised(learner.model.network, chosen):
            losses = {round(learner.backward(0), 4) for _ in range(6)}
        assert (len(losses) > 1) == different


@pytest.mark.parametrize("trains", ["everything", "head"])
@pytest.mark.parametrize("family", ["tiny_ctc", "tiny_deepspeech"])
def test_a_batch_in_pieces_has_the_same_gradient(
    family: str, trains: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = dataclasses.replace(RECIPE, trains=trains, batch_size=4, dropout=0.0, layer_drop=0.0)
    alike = [(wave[: len(TRAIN[0][0])], text) for wave, text in TRAIN]  # what is padded comes out a little different
    found = []
    for seconds, pieces in ((100.0, [4]), (1.7, [2, 2]), (0.1, [1, 1, 1, 1])):
        model = load(request.getfixturevalue(family))
        monkeypatch.setattr(model, "piece_seconds", seconds)
        if family == "tiny_ctc":
            model.network.config.apply_spec_augment = False
        learner = Learner(model, alike, recipe, keep=False)
        assert [len(piece) for piece in learner._pieces(learner.batches[0])] == pieces
        with regularised(learner.model.network, recipe):
            loss = learner.backward(0, 0.5)
        found.append((loss, [p.grad.clone() for p in learner.learning if p.grad is not None]))
    (loss, whole), *others = found
    assert any(gradient.abs().max() > 0 for gradient in whole)
    for other_loss, gradients in others:
        assert other_loss == pytest.approx(loss, rel=1e-4)
        for one, other in zip(whole, gradients, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-5)


def test_a_piece_without_a_loss_adds_nothing(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(tiny_ctc)
    monkeypatch.setattr(model, "piece_seconds", 0.1)
    learner = Learner(model, TRAIN, RECIPE, keep=False)
    losses = iter([torch.tensor(float("nan"), requires_grad=True), torch.tensor(1.0, requires_grad=True)])
    monkeypatch.setattr(learner, "_loss", lambda piece: next(losses))
    assert not np.isfinite(learner.backward(0))
    assert not any(p.grad is not None and not p.grad.isfinite().all() for p in learner.learning)
