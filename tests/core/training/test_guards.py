"""What can go wrong is named while it happens, once, and ends what would waste time."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from core.models.loading import load_model
from core.training.events import Evaluated, Noticed, Trained
from core.training.guards import STOPS, Guards
from core.training.loop import finetune
from core.training.recipe import Recipe
from tests.conftest import tone

TRAIN = [(tone(0.8 + 0.2 * i, 150 + 70 * i, seed=i), text) for i, text in enumerate(["one", "two", "three", "four"])]


def look(step: int, wer: float = 0.5, loss: float | None = None, canary: float | None = None) -> Evaluated:
    return Evaluated(step, wer, wer, 2, "", "six", 0.0, loss, canary)


def reasons(guards: Guards, seen: Evaluated, texts: tuple[str, ...] = ("a",)) -> list[str]:
    return [notice.reason for notice in guards.after_evaluation(seen, texts)]


@pytest.mark.parametrize(
    ("losses", "at"),
    [
        ([2.0, 1.8, 1.5, 1.2, 1.0, 0.9], None),
        ([2.0, 2.1, 2.0, 6.0, 8.0, 9.0, 9.0, 9.0], 7),
        ([2.0, 2.0, 2.0, 9.0, 1.5, 1.5, 1.5, 1.5], None),  # one hard batch
        ([0.05, 0.05, 0.05, 0.2, 0.2, 0.2, 0.2, 0.2], None),  # a factor of a small loss is no divergence
    ],
)
def test_a_rate_that_diverges(losses: list[float], at: int | None) -> None:
    guards = Guards(100, blanks=False)
    found = [step for step, loss in enumerate(losses, 1) if guards.after_step(step, loss)]
    assert found == ([] if at is None else [at])
    assert "rate_diverges" in STOPS


def test_learning_by_heart_is_noticed_then_stops() -> None:
    guards = Guards(100, blanks=False)
    guards.after_evaluation(look(0, loss=2.0), ["a"])
    said = []
    for step, (train, held_out) in enumerate([(1.0, 1.5), (0.7, 1.6), (0.5, 1.7), (0.3, 1.9), (0.1, 2.2)], 1):
        guards.after_step(step, train)
        said.append(reasons(guards, look(step, loss=held_out)))
    assert said == [[], [], ["overfits"], ["overfits_on"], []]
    assert "overfits_on" in STOPS
    assert "overfits" not in STOPS


def test_a_held_out_loss_that_rises_while_the_errors_fall_is_no_overfitting() -> None:
    guards = Guards(100, blanks=False)
    guards.after_evaluation(look(0, loss=2.0), ["a"])
    for step, wer in enumerate((0.5, 0.4, 0.3, 0.2), 1):
        guards.after_step(step, 1.0 / step)
        assert reasons(guards, look(step, wer, loss=1.5 + 0.1 * step)) == []


@pytest.mark.parametrize(("canary", "said"), [(0.15, []), (0.19, []), (0.21, ["canary_falls"]), (None, [])])
def test_forgetting(canary: float | None, said: list[str]) -> None:
    guards = Guards(100, blanks=False)
    guards.after_evaluation(look(0, canary=0.1), ["a"])
    assert reasons(guards, look(10, canary=canary)) == said
    assert reasons(guards, look(20, canary=canary)) == []  # once is enough


@pytest.mark.parametrize(
    ("blanks", "step", "texts", "said"),
    [(True, 50, ("", ""), ["only_blanks"]), (True, 50, ("", "a"), []), (True, 20, ("",), []), (False, 50, ("",), [])],
)
def test_a_model_that_writes_nothing(blanks: bool, step: int, texts: tuple[str, ...], said: list[str]) -> None:
    guards = Guards(100, blanks)
    guards.after_evaluation(look(0), texts)
    assert reasons(guards, look(step), texts) == said


@pytest.mark.parametrize(("best", "said"), [(0.4, False), (0.5, False), (0.6, True), (None, False)])
def test_no_gain_on_the_validation_clips(best: float | None, said: bool) -> None:
    guards = Guards(100, blanks=False)
    guards.after_evaluation(look(0, 0.5), ["a"])
    notice = guards.at_end(best)
    assert (notice is not None and notice.reason == "no_gain") == said


def test_a_rate_far_too_high_ends_the_run_and_keeps_the_best(tiny_whisper: Path) -> None:
    """On a network that has learnt something: a diverging run ends before its last step, by name."""
    model = load_model(str(tiny_whisper), precision="float32")
    settled = Recipe(learning_rate=5e-3, epochs=40, batch_size=4, evaluations=1, guards=False)
    list(finetune(model, TRAIN, (), settled))
    wild = dataclasses.replace(settled, learning_rate=1.0, schedule="constant", guards=True, evaluations=2)
    happened = list(finetune(model, TRAIN, TRAIN[:1], wild))
    trained = happened[-1]
    assert isinstance(trained, Trained)
    assert trained.ended in ("rate_diverges", "loss_not_finite")
    assert trained.steps < 40
    assert trained.ended in [e.reason for e in happened if isinstance(e, Noticed)]


def test_patience_ends_a_run_that_no_longer_gains(tiny_ctc: Path) -> None:
    model = load_model(str(tiny_ctc), precision="float32")
    recipe = Recipe(learning_rate=1e-8, epochs=20, batch_size=4, evaluations=20, patience=3, guards=False)
    happened = list(finetune(model, TRAIN, TRAIN[:1], recipe))
    trained = happened[-1]
    assert isinstance(trained, Trained)
    assert (trained.ended, trained.stopped) == ("patience", False)
    assert trained.steps == 4  # the first is the best so far, and three bring nothing
