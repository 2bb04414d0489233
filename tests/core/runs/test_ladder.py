"""Nested subsets, the curve through known points, and what it refuses to say."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter

import numpy as np
import pytest

from core.data.clips.labelled_set import Clip, LabelledSet
from core.runs.ladder import FURTHEST, Curve, RungResult, in_turn, ladder, learning_curve, sizes_up_to
from core.runs.request import Request
from core.training.recipe import MAX_EPOCHS, Recipe


@pytest.mark.parametrize(
    ("clips", "sizes"),
    [
        (0, []),
        (3, [3]),
        (5, [5]),
        (6, [5, 6]),
        (36, [5, 10, 20, 36]),
        (40, [5, 10, 20, 40]),
        (200, [5, 10, 20, 40, 80, 160, 200]),
    ],
)
def test_sizes_double(clips: int, sizes: list[int]) -> None:
    assert sizes_up_to(clips) == sizes


def request(train: int = 40, speakers: int = 4, **recipe: object) -> Request:
    clips = [Clip(f"/{i}.wav", f"sentence {i % 10}", f"speaker {i * i % speakers}", "train") for i in range(train)]
    clips += [Clip("/v.wav", "to choose by", "", "validation"), Clip("/t.wav", "to score on", "", "test")]
    canary = (Clip("/c.wav", "general speech", "", "test"),)
    own = (Clip("/o.wav", "my own", "", ""),)
    return Request("m", LabelledSet("s", tuple(clips)), canary, own, Recipe(epochs=6, **recipe), seed=3)


def test_every_size_holds_the_smaller_ones() -> None:
    rungs = ladder(request())
    assert [(rung.clips, rung.repeat) for rung in rungs] == [(n, r) for n in (5, 10, 20, 40) for r in range(3)]
    for repeat in range(3):
        mine = [rung.request for rung in rungs if rung.repeat == repeat]
        taken = [[clip.path for clip in asked.labelled_set.part("train")] for asked in mine]
        assert [len(paths) for paths in taken] == [5, 10, 20, 40]
        for smaller, larger in itertools.pairwise(taken):
            assert larger[: len(smaller)] == smaller
        assert {asked.seed for asked in mine} == {3 + repeat}
    first = [{clip.path for clip in rung.request.labelled_set.part("train")} for rung in rungs[:3]]
    assert first[0] != first[1] != first[2]
    assert ladder(request()) == rungs


def test_all_are_judged_alike() -> None:
    for rung in ladder(request()):
        labelled = rung.request.labelled_set
        assert [clip.path for clip in labelled.part("test")] == ["/t.wav"]
        assert [clip.path for clip in labelled.part("validation")] == ["/v.wav"]
        assert rung.request.canary == request().canary
        assert rung.request.own == ()


def test_fewer_clips_are_read_more_often() -> None:
    epochs = {rung.clips: rung.request.recipe.epochs for rung in ladder(request())}
    assert epochs == {5: MAX_EPOCHS, 10: 24, 20: 12, 40: 6}
    longest = dataclasses.replace(request(), recipe=Recipe(epochs=200))
    assert {rung.request.recipe.epochs for rung in ladder(longest)} == {200}


def test_speakers_take_turns() -> None:
    clips = request(60, 4).labelled_set.part("train")
    clips = [dataclasses.replace(clip, speaker=f"speaker {min(i // 10, 3)}") for i, clip in enumerate(clips)]
    for size in (4, 8, 20, 40):
        counts = Counter(clip.speaker for clip in in_turn(clips, 0)[:size])
        assert max(counts.values()) - min(counts.values()) <= 1
    assert sorted(clip.path for clip in in_turn(clips, 1)) == sorted(clip.path for clip in clips)


def test_words_take_turns_where_they_are_a_closed_set() -> None:
    rung = ladder(request(task="classify"), [10], 1)[0]
    assert len({clip.text for clip in rung.request.labelled_set.part("train")}) == 10


def test_sizes_that_cannot_be_had_are_left_out() -> None:
    assert [rung.clips for rung in ladder(request(12), [0, 6, 12, 24, 6], 1)] == [6, 12]


def points(
    floor: float = 0.1,
    scale: float = 0.8,
    exponent: float = 0.6,
    spread: float = 0.01,
    sizes: tuple[int, ...] = (5, 10, 20, 40, 80),
    repeats: int = 4,
    seed: int = 0,
) -> list[RungResult]:
    rng = np.random.default_rng(seed)
    return [
        RungResult(n, repeat, floor + scale * n**-exponent + spread * rng.standard_normal())
        for n in sizes
        for repeat in range(repeats)
    ]


@pytest.mark.parametrize(("floor", "scale", "exponent"), [(0.1, 0.8, 0.6), (0.0, 0.5, 0.3), (0.25, 1.5, 1.2)])
def test_a_known_curve_is_found(floor: float, scale: float, exponent: float) -> None:
    curve = learning_curve(points(floor, scale, exponent, spread=0.0005))
    assert curve.refusal == ""
    for clips in (5, 20, 80, 160):
        wer, low, high = curve.at(clips)
        assert wer == pytest.approx(floor + scale * clips**-exponent, abs=0.005)
        assert low <= wer <= high
    target = floor + scale * 160**-exponent
    found = curve.clips_for(target)
    assert found.refusal == ""
    assert found.low <= found.clips <= (found.high or np.inf)
    assert found.clips == pytest.approx(160, rel=0.1)


def test_one_run_gone_wrong_does_not_bend_the_curve() -> None:
    rows = points(spread=0.003)
    spoilt = [dataclasses.replace(rows[6], wer=0.9) if i == 6 else row for i, row in enumerate(rows)]
    straight, bent = learning_curve(rows), learning_curve(spoilt)
    assert bent.refusal == ""
    for clips in (10, 40, 80):
        assert bent.at(clips)[0] == pytest.approx(straight.at(clips)[0], abs=0.01)


def test_the_interval_holds_the_truth_most_of_the_time() -> None:
    truth = 0.1 + 0.8 * 120**-0.6
    held = asked = 0
    for seed in range(40):
        found = learning_curve(points(seed=seed, spread=0.015), seed).clips_for(truth)
        if found.clips is not None:
            asked += 1
            held += found.low <= 120 <= (found.high or np.inf)
    assert asked >= 30
    assert held / asked >= 0.9


ZIGZAG = [
    RungResult(n, r, wer + 0.001 * r)
    for n, wer in zip((5, 10, 20, 40, 80), (0.5, 0.9, 0.2, 0.6, 0.3), strict=True)
    for r in range(3)
]


@pytest.mark.parametrize(
    ("rows", "refusal"),
    [
        ([], "too_few_sizes"),
        (points(sizes=(5, 10, 20)), "too_few_sizes"),
        (points(repeats=2), "too_few_repeats"),
        (points()[:-2], "too_few_repeats"),  # two repeats of the largest size are not there yet
        (points(scale=0.0, spread=0.02), "not_falling"),
        ([RungResult(n, r, 0.1 + 0.001 * n) for n in (5, 10, 20, 40) for r in range(3)], "not_falling"),
        (ZIGZAG, "poor_fit"),
    ],
)
def test_what_a_curve_cannot_be_drawn_through(rows: list[RungResult], refusal: str) -> None:
    curve = learning_curve(rows)
    assert curve.refusal == refusal
    assert curve.clips_for(0.1).refusal == refusal
    assert curve.clips_for(0.1).clips is None
    assert [size.clips for size in curve.sizes] == sorted({row.clips for row in rows})


def test_what_the_curve_does_not_reach() -> None:
    curve = learning_curve(points(spread=0.002))
    assert curve.clips_for(0.05).refusal == "below_floor"
    far = curve.clips_for(curve.floor + 0.3 * curve.scale * (FURTHEST * 80) ** -curve.exponent)
    assert (far.refusal, far.clips) == ("too_far", None)
    near = curve.clips_for(curve.at(60)[0])
    assert near.clips == pytest.approx(60, abs=1)
    open_ended = learning_curve(points(spread=0.02, seed=5)).clips_for(0.14)
    assert open_ended.refusal or open_ended.high is None or open_ended.high > open_ended.clips


def test_sizes_carry_their_own_intervals() -> None:
    one, several = learning_curve([RungResult(5, 0, 0.4), RungResult(10, 0, 0.2), RungResult(10, 1, 0.3)]).sizes
    assert (one.wer, one.low, one.high, one.repeats) == (0.4, None, None, 1)
    assert several.wer == pytest.approx(0.25)
    assert 0 <= several.low < 0.25 < several.high


def test_it_is_plain_json() -> None:
    curve = learning_curve(points())
    whole = json.loads(json.dumps(curve.to_json(), allow_nan=False))
    assert whole["sizes"][0]["clips"] == 5
    assert "draws" not in whole
    assert isinstance(curve, Curve)
