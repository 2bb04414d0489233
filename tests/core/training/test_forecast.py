"""The forecast measures this machine and leaves the model as it was."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.audio.augment.settings import Augmentation
from core.models.loading import load_model
from core.training.forecast import Workload, _seconds_a_clip, forecast, spread_clips, usual_clips
from core.training.recipe import Recipe
from core.training.watching import LEAST_SECONDS
from tests.conftest import tone

SAMPLE = [(tone(1.0), "one"), (tone(1.2, 300), "two")]
HARD = [wave for wave, _ in SAMPLE]


def work(**given: Any) -> Workload:
    return Workload(**{"sample": SAMPLE, "hard": HARD, **given})


@pytest.mark.parametrize("trains", ["everything", "head"])
@pytest.mark.parametrize("family", ["tiny_whisper", "tiny_ctc"])
def test_the_model_is_as_before(family: str, trains: str, request: pytest.FixtureRequest) -> None:
    model = load_model(str(request.getfixturevalue(family)))
    before = [p.detach().clone() for p in model.network.parameters()]
    forecast(model, work(easy=[tone(1.0)], train=8, test=4, canary=4, validation=2), Recipe(trains=trains))
    for parameter, value in zip(model.network.parameters(), before, strict=True):
        assert torch.equal(parameter, value)
        assert parameter.grad is None
        assert parameter.requires_grad
    assert not model.network.training


def test_more_work_takes_longer(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr("core.training.forecast.time.perf_counter", lambda: float(next(clock)))  # everything timed takes 1 s
    model = load_model(str(tiny_ctc))
    recipe = Recipe(epochs=10, evaluations=5)
    one = forecast(model, work(easy=[tone(1.0)], train=8, test=16, canary=8, validation=4), recipe)
    assert one.train == pytest.approx(4 * 10)  # four batches of two clips, ten times
    # Two training clips are read in a second, by base and adapted alike; a clip of general speech takes one by itself.
    # And the loss of two batches, six times; and a watched clip as often as a twentieth of training and evaluations allows.
    assert one.evaluate == pytest.approx((16 + 16 + 4 * 6) / 2 + 2 * 8 + 6 * 2 / 3 + (40 + 12 + 4) / 20)
    assert one.total == one.train + one.evaluate
    longer = forecast(model, work(easy=[tone(1.0)], train=16, test=16, canary=8, validation=4), recipe)
    assert longer.train == pytest.approx(2 * one.train)


@pytest.mark.parametrize(
    ("recipe", "kept"),
    [
        (Recipe(trains="last", last_layers=1), True),
        (Recipe(trains="all_but_front"), True),
        (Recipe(trains="all_but_front", augment=Augmentation(gain=3.0)), False),
        (Recipe(trains="everything"), False),
    ],
)
def test_what_is_kept_costs_once_a_clip(recipe: Recipe, kept: bool, tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.1, 9.0, 2.0, 1.0])  # of a first step, one after all was forgotten, and two
    monkeypatch.setattr("core.training.forecast._step", lambda learner, optimizer, index: next(times))
    monkeypatch.setattr("core.training.forecast._seconds_a_clip", lambda model, waves, pause: 0.0)
    recipe = dataclasses.replace(recipe, epochs=10, evaluations=5)
    expected = forecast(load_model(str(tiny_ctc)), work(easy=[tone(1.0)], train=8, test=0, canary=0, validation=40), recipe)
    assert expected.train == pytest.approx(4 * (10 * 1.0 + 8.0))  # a size that is new costs more, whether or not it is kept
    once = (40 - 16) / 2 * 8.0 if kept else 0.0  # of what is read, what is kept is timed by reading it
    assert expected.evaluate == pytest.approx(20 * 6 / 3 * 1.0 + once)


def test_an_evaluation_costs_what_is_not_frozen(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(tiny_ctc))
    monkeypatch.setattr("core.training.forecast._step", lambda learner, optimizer, index: 0.0)
    times = iter([9.0, 5.0, 6.0, 2.0])  # a clip: the base of its own clips, of easy ones; from what is frozen: first, again
    monkeypatch.setattr("core.training.forecast._seconds_a_clip", lambda reader, waves, pause: next(times))
    recipe = Recipe(trains="last", last_layers=1, evaluations=3)
    expected = forecast(model, work(easy=[tone(2.2)], train=8, test=10, canary=7, validation=4, watch=[tone(1.1)] * 6), recipe)
    before_and_after = 10 * (9 + 5 / 2) + 7 * 2 * 5  # the training clips are half as long as the easy one
    assert expected.evaluate == pytest.approx(before_and_after + (4 / 2 + 6 / 2) * (4 * 2 + 4) + 9)  # a watched clip, once


def test_what_the_model_was_taught_costs_no_more_than_before(tiny_whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.forecast._step", lambda learner, optimizer, index: 0.0)
    times = iter([2.0, 3.0])  # a clip: the base of its own clips, of easy ones that are as long
    monkeypatch.setattr("core.training.forecast._seconds_a_clip", lambda reader, waves, pause: next(times))
    recipe = Recipe(trains="everything", evaluations=3)
    expected = forecast(
        load_model(str(tiny_whisper)),
        work(easy=[tone(1.1)], train=8, test=10, canary=7, validation=4, watch=[tone(0.55)] * 6),
        recipe,
    )
    assert expected.evaluate == pytest.approx(10 * (2 + 2) + 7 * 2 * 3 + (32 + 36) * (1 + 1 / 20))  # with a watched clip


def test_what_is_read_is_all_of_few_and_of_many_what_is_of_middling_length() -> None:
    assert sorted(usual_clips([3.0, 1.0, 2.0])) == [0, 1, 2]
    assert usual_clips([]) == []
    lengths = [float(i) for i in range(40)][::-1]
    assert [lengths[i] for i in usual_clips(lengths)] == [float(i) for i in range(12, 28)]


def test_without_test_clips_the_sample_tells(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.forecast._step", lambda learner, optimizer, index: 0.0)
    read: list[int] = []
    monkeypatch.setattr(
        "core.training.forecast._seconds_a_clip", lambda reader, waves, pause: float(read.append(len(waves)) or 0)
    )
    forecast(
        load_model(str(tiny_ctc)),
        work(hard=[], easy=[tone(1.0)], train=8, test=0, canary=7, validation=4),
        Recipe(trains="everything"),
    )
    assert read == [2, 1]


@pytest.mark.parametrize(
    ("second", "timed", "train"),
    [
        pytest.param(0.01, {0, 1, 2}, 100 * 3 * 0.09 / 5, id="a quick computer"),
        pytest.param(1.0, {1}, 100 * 3 * 2.0 / 2, id="a slow one times the middling batch alone"),
    ],
)
def test_steps_are_timed_within_seconds(
    second: float, timed: set[int], train: float, tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = [(tone(seconds), "one") for seconds in (1.0, 1.1, 2.0, 2.1, 3.0)]
    costs = {0: second, 1: 2 * second, 2: 6 * second}  # of the short, the middling and the long batch
    seen: list[int] = []

    def step(learner: object, optimizer: object, index: int) -> float:
        seen.append(index)
        return costs[index]

    monkeypatch.setattr("core.training.forecast._step", step)
    monkeypatch.setattr("core.training.forecast._seconds_a_clip", lambda model, waves, pause: 0.0)
    recipe = Recipe(trains="everything", batch_size=2, epochs=3)
    expected = forecast(
        load_model(str(tiny_ctc)), work(sample=sample, easy=[tone(1.0)], train=100, test=0, canary=0, validation=0), recipe
    )
    assert set(seen) == timed
    assert len(seen) == (2 if timed == {1} else 10)
    assert expected.train == pytest.approx(train)


@pytest.mark.parametrize(("a_clip", "read", "watched"), [(0.01, [3, 8], 11 * 0.01), (0.2, [3], LEAST_SECONDS)])
def test_transcribing_is_timed_within_seconds(
    a_clip: float, read: list[int], watched: float, tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def seconds(reader: object, waves: list, pause: object) -> float:
        seen.append(len(waves))
        return a_clip

    monkeypatch.setattr("core.training.forecast._step", lambda learner, optimizer, index: 0.0)
    monkeypatch.setattr("core.training.forecast._seconds_a_clip", seconds)
    given = work(hard=[tone(1.0)] * 8, easy=[tone(1.0)], train=8, test=8, canary=0, validation=0)
    expected = forecast(load_model(str(tiny_ctc)), given, Recipe(trains="everything"))
    assert seen == [*read, 1]
    assert expected.evaluate == pytest.approx(2 * 8 * a_clip + watched)


def test_a_sample_is_spread_over_lengths() -> None:
    seconds = [float(i) for i in range(18)][::-1]
    assert [seconds[i] for i in spread_clips(seconds, 3)] == [3.0, 4.0, 5.0, 11.0, 12.0, 16.0]  # fewer of long clips
    assert spread_clips([i / 2 for i in range(18)], 2) == [2, 3, 8, 9, 14, 15]
    assert spread_clips([3.0, 1.0, 2.0], 2) == [1, 2, 0]
    assert spread_clips([3.0], 8) == [0]


def test_pauses_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("core.training.forecast.time.perf_counter", lambda: now[0])

    def wait(seconds: float) -> None:
        now[0] += seconds

    class Slow:
        def transcribe(self, waves: list, pause: Callable[[], None]) -> None:
            for _ in waves:
                wait(2.0)
                pause()

    assert _seconds_a_clip(Slow(), [None] * 3, lambda: wait(100.0)) == 2.0
