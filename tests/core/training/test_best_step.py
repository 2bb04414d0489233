"""What is kept is never worse than the base on what chose it."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from core.errors import DatasetError
from core.models.base.protocol import AsrModel
from core.models.blend import blend
from core.models.loading import load_model
from core.models.random_start import randomise
from core.training.best_step import BestStep, beyond_chance
from core.training.evaluating import EVIDENT_CLIPS
from core.training.events import Evaluated, Event, Noticed, Trained
from core.training.learner import Learner
from core.training.loop import finetune
from core.training.recipe import Recipe
from core.training.regularisation import Anchor, Average
from tests.conftest import tone

TRAIN = [(tone(0.6 + 0.2 * i, 150 + 70 * i, seed=i), text) for i, text in enumerate(["one", "two", "three", "four", "five"])]
HELD_OUT = [(tone(1.1, 333, seed=9), "six"), (tone(0.9, 444, seed=8), "seven")]
RECIPE = Recipe(learning_rate=1e-3, epochs=2, batch_size=5, evaluations=2)
START = -1.0

Scores = tuple[float | None, float | None]  # WER and held-out loss


def at(step: int, scores: Scores) -> Evaluated:
    return Evaluated(step, scores[0], scores[0], 2, "", "", 0.0, scores[1])


class Trial:
    """A network of one weight and a batch norm, whose weight is the number of the step."""

    def __init__(self, has_base: bool = True) -> None:
        self.weight = nn.Parameter(torch.tensor([START]))
        self.norm = nn.BatchNorm1d(1)
        learner: Any = SimpleNamespace(
            learning=[self.weight],
            anchor=Anchor([self.weight], 0.0),
            has_base=has_base,
            model=SimpleNamespace(network=self.norm),
        )
        self.best, self.average = BestStep(learner), Average([self.weight])

    def go(self, scores: list[Scores]) -> None:
        for step, found in enumerate(scores):
            if step:
                self.move(float(step))
                self.average.add()
            self.best.take(at(step, found))

    @torch.no_grad()
    def move(self, value: float) -> None:
        self.weight.fill_(value)
        self.norm.running_mean.fill_(value)  # type: ignore[union-attr, operator]

    def kept(self, before: float | None = None, after: float = 0.0) -> tuple[float, str]:
        notice = self.best.settle(before, lambda: after)
        expected = 0.0 if self.best.step == 0 else self.best.step  # a new batch norm's mean is 0
        assert float(self.norm.running_mean) == expected  # type: ignore[arg-type]
        return self.weight.item(), notice.reason if notice else ""


@pytest.mark.parametrize(
    ("scores", "has_base", "kept", "reason"),
    [
        ([(0.5, 2.0), (0.6, 2.0), (0.4, 2.0), (0.5, 1.0)], True, 2.0, ""),
        ([(0.0, 2.0), (2.8, 9.0), (2.9, 9.0)], True, START, "base_kept"),
        ([(0.5, 2.0), (0.5, 1.9)], True, 1.0, ""),  # the loss decides a tie
        ([(0.5, 2.0), (0.5, 2.1)], True, START, "base_kept"),
        ([(0.5, 2.0), (0.5, 2.0)], True, START, "base_kept"),
        ([(0.5, None), (0.5, None)], True, START, "base_kept"),
        ([(0.5, math.inf), (0.5, 3.0)], True, 1.0, ""),
        ([(0.5, 2.0), (0.5, math.nan)], True, START, "base_kept"),
        ([(1.0, 2.0), (1.2, 1.0), (1.1, 1.0)], False, 2.0, ""),  # a new output layer: there is no base to go back to
        ([(None, None), (None, None), (None, None)], True, 2.0, ""),  # no validation clips: the last
    ],
)
def test_a_training_that_a_guard_stopped_keeps_its_best_step(
    scores: list[Scores], has_base: bool, kept: float, reason: str
) -> None:
    trial = Trial(has_base)
    trial.go(scores)
    assert trial.kept() == (kept, reason)


@pytest.mark.parametrize(
    ("errors", "kept", "notice"),
    [
        ([(3,) * 9, (1,) * 8 + (2,), (2,) + (1,) * 8], 2.0, ""),  # as good as the first step
        ([(3,) * 9, (1,) * 9, (2,) * 4 + (1,) * 5], 2.0, ""),  # 4 errors more: two standard errors, not beyond
        ([(3,) * 9, (1,) * 9, (2,) * 5 + (1,) * 4], 1.0, "earlier_kept"),
        ([(3,) * 9, (1,) * 9, (9,) + (1,) * 8], 2.0, ""),  # one clip alone is no evidence
        ([(1,) * 9, (2,) * 9, (3,) * 9], START, ""),  # the base
        ([(1,) * 9, (2,) * 9, (2,) + (1,) * 8], 2.0, ""),  # no better than the base, but not worse beyond chance either
        ([(1, 1), (5, 5), (9, 9)], 2.0, ""),  # two clips never are
        ([(), (), ()], 2.0, ""),
    ],
)
def test_the_last_step_is_kept_unless_the_evidence_is_against_it(
    errors: list[tuple[int, ...]], kept: float, notice: str
) -> None:
    trial = Trial()
    for step, found in enumerate(errors):
        trial.move(float(step) if step else START)
        last = dataclasses.replace(at(step, (sum(found) / 10 if found else None, 1.0)), clip_errors=found)
        trial.best.take(last)
    said = trial.best.choose(last)
    assert (said.reason if said else "") == notice
    trial.best.settle(None, lambda: None)
    assert (trial.weight.item(), trial.best.step) == (kept, max(0.0, kept))


@pytest.mark.parametrize(
    ("errors", "other", "beyond"),
    [
        ((), (), False),
        ((5,), (0,), False),
        ((9,) * (EVIDENT_CLIPS - 1), (0,) * (EVIDENT_CLIPS - 1), False),
        ((9,) * EVIDENT_CLIPS, (0,) * EVIDENT_CLIPS, True),
        ((1,) * 5, (0,) * 4 + (1,), False),  # 4 against 2 sqrt(4)
        ((1,) * 6, (0,) * 5 + (2,), False),  # 4 against 2 sqrt(6)
        ((0,) * 9, (1,) * 9, False),
    ],
)
def test_chance_is_two_standard_errors(errors: tuple[int, ...], other: tuple[int, ...], beyond: bool) -> None:
    assert beyond_chance(errors, other) is beyond


@pytest.mark.parametrize(
    ("before", "after", "kept", "reason"),
    [(2.0, 1.0, 2.0, ""), (2.0, 2.0, 2.0, ""), (2.0, 2.1, START, "base_kept_loss"), (2.0, math.nan, START, "base_kept_loss")],
)
def test_without_validation_clips_the_training_loss_must_not_rise(
    before: float, after: float, kept: float, reason: str
) -> None:
    trial = Trial()
    trial.go([(None, None)] * 3)
    assert trial.kept(before, after) == (kept, reason)


@pytest.mark.parametrize(("mean", "kept", "notice"), [(2, 1.5, "averaged"), (1, 1.5, "averaged"), (3, 1.0, "earlier_kept")])
def test_the_mean_takes_the_place_of_the_last_step(mean: int, kept: float, notice: str) -> None:
    trial = Trial()
    for step, found in enumerate([5, 2, 4]):
        trial.move(float(step) if step else START)
        if step:
            trial.average.add()
        trial.best.take(dataclasses.replace(at(step, (found / 10, 1.0)), clip_errors=(found,) * 6))
    trial.average.put_in_place()
    last = dataclasses.replace(at(2, (mean / 10, 1.0)), clip_errors=(mean,) * 6)
    said = trial.best.choose(last, trial.average.count)
    trial.best.settle(None, lambda: None)
    assert (trial.weight.item(), said.reason if said else "") == (kept, notice)


def test_parameters_that_are_no_numbers_are_never_the_best() -> None:
    """An empty transcript is 100 % wrong, which is better than a base that adds words."""
    trial = Trial()
    trial.best.take(at(0, (2.8, 2.0)))
    trial.move(math.nan)
    last = at(1, (1.0, None))
    trial.best.take(last)
    assert trial.best.choose(last) is None
    assert trial.kept() == (START, "base_kept")


def test_the_base_does_not_use_up_patience() -> None:
    trial = Trial()
    trial.go([(0.1, 1.0), (0.9, 1.0), (0.8, 1.0), (0.8, 1.0), (0.9, 1.0)])
    assert trial.best.waited == 2


def weights(model: AsrModel) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in model.network.state_dict().items()}


def spoil(monkeypatch: pytest.MonkeyPatch, model: AsrModel, references: list[str]) -> None:
    """Lets the model write the references before training, and nonsense from then on."""
    texts = iter([references, *[["no such words at all"] * len(references)] * 100])
    monkeypatch.setattr(model, "transcribe", lambda waves: [SimpleNamespace(text=text) for text in next(texts)])


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(learning_rate=3e-3, epochs=4, batch_size=2, evaluations=2),
        Recipe(learning_rate=3e-3, epochs=4, batch_size=2, evaluations=2, l2_sp=0.1, average=0.5, guards=False),
        Recipe(learning_rate=3e-3, epochs=4, batch_size=2, evaluations=2, adapter="dora", adapter_rank=2),
        Recipe(learning_rate=3e-3, epochs=4, batch_size=2, evaluations=4, patience=1, unfreeze=0.5),
    ],
    ids=["plain", "averaged", "adapter", "patience"],
)
def test_a_ruined_model_is_the_base_again_to_the_bit(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch, recipe: Recipe) -> None:
    model = load_model(str(tiny_ctc), precision="float32")
    before = weights(model)
    spoil(monkeypatch, model, ["six", "seven"] * 3)
    monkeypatch.setattr(Learner, "transcribes_above", False)
    happened: list[Event] = list(finetune(model, TRAIN, HELD_OUT * 3, recipe))
    *_, notice, trained = happened
    assert isinstance(trained, Trained)
    assert (trained.best_step, trained.distance) == (0, 0.0)
    assert trained.steps > 0
    assert isinstance(notice, Noticed)
    assert (notice.reason, notice.details["base"]) == ("base_kept", "0")
    after = weights(model)
    assert after.keys() == before.keys()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_ruined_model_is_the_base_again_without_validation_clips(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(tiny_ctc), precision="float32")
    settled = dataclasses.replace(RECIPE, learning_rate=1e-2, epochs=30)
    list(finetune(model, TRAIN, (), settled))
    before = weights(model)
    wild = dataclasses.replace(settled, learning_rate=1.0, schedule="constant", epochs=4, guards=False)
    happened = list(finetune(model, TRAIN, (), wild))
    assert [event.reason for event in happened if isinstance(event, Noticed)][-1] == "base_kept_loss"
    assert all(torch.equal(value, before[name]) for name, value in weights(model).items())


@pytest.mark.parametrize(
    ("changes", "texts", "has_base"),
    [
        ({}, ["one"], True),
        ({"vocabulary": "extend"}, ["one é"], True),
        ({"vocabulary": "new"}, ["one"], False),
        ({"vocabulary": "auto"}, ["один"], False),
        ({"start": "random"}, ["one"], False),
    ],
)
def test_there_is_a_base_unless_the_output_is_new(
    tiny_ctc: Path, changes: dict[str, Any], texts: list[str], has_base: bool
) -> None:
    model = load_model(str(tiny_ctc), precision="float32")
    recipe = dataclasses.replace(RECIPE, **changes)
    if recipe.start == "random":
        randomise(model)
    assert Learner(model, [(tone(1.0), text) for text in texts], recipe, keep=False).has_base == has_base


def test_a_new_output_layer_that_training_ruins_is_an_error(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(tiny_ctc), precision="float32")
    monkeypatch.setattr(BestStep, "_is_finite", lambda best: False)
    with pytest.raises(DatasetError, match="infinite or undefined"):
        list(finetune(model, TRAIN, HELD_OUT, dataclasses.replace(RECIPE, start="random")))


def blended(folder: Path, recipe: Recipe, texts: list[str] | None = None) -> tuple[AsrModel, Trained]:
    model = load_model(str(folder), precision="float32")
    train = [(wave, text) for (wave, _), text in zip(TRAIN, texts or [text for _, text in TRAIN], strict=True)]
    *_, trained = finetune(model, train, (), recipe)
    assert isinstance(trained, Trained)
    return model, trained


@pytest.mark.parametrize("folder", ["tiny_whisper", "tiny_ctc", "tiny_deepspeech"])
@pytest.mark.parametrize("share", [0.5, 1.25])
def test_what_is_kept_lies_on_the_line_through_the_base(folder: str, share: float, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(folder)
    base = load_model(str(path), precision="float32")
    end, whole = blended(path, RECIPE)
    kept, part = blended(path, dataclasses.replace(RECIPE, blend=share))
    assert (whole.blend, part.blend) == (1.0, share)
    assert part.distance == pytest.approx(share * whole.distance, rel=1e-3)
    assert [moved for _, moved in part.drift] == pytest.approx([share * moved for _, moved in whole.drift], rel=1e-2, abs=1e-6)
    again = load_model(str(path), precision="float32")
    blend(base, end, share, again)
    for name, value in weights(kept).items():
        torch.testing.assert_close(value, weights(again)[name], msg=name)
    blend(base, kept, 1.0, again, kept=share)  # back from where it was kept
    for name, value in weights(end).items():
        torch.testing.assert_close(value, weights(again)[name], atol=1e-5, rtol=1e-4, msg=name)


def test_an_output_layer_without_a_base_stays_as_trained(tiny_ctc: Path) -> None:
    base = load_model(str(tiny_ctc), precision="float32")
    for texts in (["ein", "zwei", "drei é", "vier", "fünf"], ["один", "два", "три", "четыре", "пять"]):
        end, _ = blended(tiny_ctc, RECIPE, texts)
        kept, trained = blended(tiny_ctc, dataclasses.replace(RECIPE, blend=0.5), texts)
        assert trained.blend == 0.5
        expected, _ = blended(tiny_ctc, RECIPE, texts)
        blend(base, end, 0.5, expected)
        found, ends = weights(kept), weights(end)
        assert all(torch.equal(found[name], ends[name]) for name in found if name.startswith("lm_head."))
        assert any(not torch.equal(found[name], ends[name]) for name in found if name.startswith("wav2vec2."))
        for name, value in found.items():
            torch.testing.assert_close(value, weights(expected)[name], msg=name)


def test_neither_the_base_nor_a_model_trained_from_scratch_is_moved(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = dataclasses.replace(RECIPE, start="random")
    end, _ = blended(tiny_ctc, random)
    kept, trained = blended(tiny_ctc, dataclasses.replace(random, blend=0.5))
    assert trained.blend == 1.0
    assert all(torch.equal(value, weights(end)[name]) for name, value in weights(kept).items())
    monkeypatch.setattr(BestStep, "_is_finite", lambda best: False)
    assert blended(tiny_ctc, dataclasses.replace(RECIPE, blend=0.5))[1].blend == 1.0


def test_statistics_go_along_but_never_beyond_what_training_made_of_them() -> None:
    for share, expected in ((0.5, 0.5), (1.25, 1.0)):
        trial = Trial()
        trial.best._learner.recipe = Recipe()
        trial.best._learner.blend = lambda share: None  # type: ignore[method-assign]
        trial.go([(0.5, 2.0), (0.4, 1.0)])
        assert trial.best.blend(share) == share
        assert float(trial.norm.running_mean) == expected  # type: ignore[arg-type]
