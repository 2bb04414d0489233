"""Error rates counted by hand, marked words, and the interval of a difference."""

from __future__ import annotations

import dataclasses
import itertools
import math
import random
import time
from collections.abc import Callable

import numpy as np
import pytest

from core.text import metrics
from core.text.metrics import (
    CONFIDENCE,
    ErrorRate,
    Interval,
    Word,
    clusters_needed,
    mark_words,
    paired_interval,
    score,
    student_quantile,
    word_pairs,
)

CLUSTERS = [f"cluster {i:02d}" for i in range(20)]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "language", "expected"),
    [
        ("the cat sat on the mat", "the cat sat on the mat", "en", (0, 0, 0, 6)),
        ("the cat sat on the mat", "the cat sat on mat", "en", (0, 1, 0, 6)),
        ("the cat sat on the mat", "the cat sad on the mat", "en", (1, 0, 0, 6)),
        ("the cat sat", "the black cat sat", "en", (0, 0, 1, 3)),
        ("the cat sat", "the dog sat down", "en", (1, 0, 1, 3)),
        ("the cat sat", "", "en", (0, 3, 0, 3)),
        ("the cat sat", "...", "en", (0, 3, 0, 3)),
        ("cat", "a cat sat down", "en", (0, 0, 3, 1)),
        ("Ten of clubs.", "10 of clubs", "en", (0, 0, 0, 3)),
        ("I'm here", "I am here", "en", (0, 0, 0, 3)),
        ("Größe", "Grosse", "de", (1, 0, 0, 1)),
        ("Schön!", "schön", "de", (0, 0, 0, 1)),
        ("你好世界", "你好时界", "zh", (1, 0, 0, 4)),
        ("你好世界", "你 好 世 界 。", "zh", (0, 0, 0, 4)),
    ],
)
def test_word_errors(reference: str, hypothesis: str, language: str, expected: tuple[int, ...]) -> None:
    result = score([reference], [hypothesis], language)
    assert dataclasses.astuple(result.wer) == expected
    assert result.wer.errors == sum(expected[:3])
    assert result.wer.rate == pytest.approx(sum(expected[:3]) / expected[3])
    assert result.word_errors == (sum(expected[:3]),)
    assert result.words == (expected[3],)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("cat", "cat", (0, 0, 0, 3)),
        ("cat", "cut", (1, 0, 0, 3)),
        ("cat sat", "cat", (0, 4, 0, 7)),  # a space counts
        ("cat", "cat sat", (0, 0, 4, 3)),
        ("cat", "", (0, 3, 0, 3)),
    ],
)
def test_character_errors(reference: str, hypothesis: str, expected: tuple[int, ...]) -> None:
    result = score([reference], [hypothesis], "sw")
    assert dataclasses.astuple(result.cer) == dataclasses.astuple(result.raw_cer) == expected


@pytest.mark.parametrize(
    ("reference", "hypothesis", "raw", "raw_characters", "normalised"),
    [
        ("Ten of clubs.", "10 of clubs", 2 / 3, 4 / 13, 0.0),  # Ten -> 10 is three edits, the full stop one
        ("Hello, there", "hello there", 1 / 2, 2 / 12, 0.0),
        ("HELLO", "hello", 1.0, 1.0, 0.0),
        ("hello there", "hello there", 0.0, 0.0, 0.0),
        ("hello there", "hello where", 1 / 2, 1 / 11, 1 / 2),
    ],
)
def test_case_and_punctuation_count_in_the_raw_rates_only(
    reference: str, hypothesis: str, raw: float, raw_characters: float, normalised: float
) -> None:
    result = score([reference], [hypothesis])
    assert result.raw_wer.rate == pytest.approx(raw)
    assert result.raw_cer.rate == pytest.approx(raw_characters)
    assert result.wer.rate == pytest.approx(normalised)


def test_insertions_lift_the_rate_above_one() -> None:
    result = score(["cat"], ["the big cat sat down"])
    assert result.wer == ErrorRate(0, 0, 4, 1)
    assert result.wer.rate == 4.0
    assert result.cer.rate == pytest.approx(17 / 3)


def test_clips_are_pooled_not_averaged() -> None:
    result = score(["cat", "the dog sat on the mat"], ["hat", "the dog sat on the mat"])
    assert result.wer.rate == pytest.approx(1 / 7)
    assert result.word_errors == (1, 0)
    assert result.words == (1, 6)


def test_errors_of_the_clips_add_up() -> None:
    references = ["the cat sat", "on the mat", "ten of clubs"]
    result = score(references, ["a cat sat down", "", "10 of hearts now"])
    assert result.word_errors == (2, 3, 2)
    assert sum(result.word_errors) == result.wer.errors
    assert sum(result.words) == result.wer.length == 9


def test_the_spaces_that_part_characters_are_not_scored() -> None:
    result = score(["你好世界", "今天"], ["你号世界", "今天"], "zh")
    assert result.cer == result.wer
    assert (result.cer.errors, result.cer.length) == (1, 6)
    assert result.words == (4, 2)
    assert result.clip_cers == (1 / 4, 0.0)


@pytest.mark.parametrize(
    ("references", "hypotheses", "message"),
    [
        ([""], ["hello"], "no words left: ''"),
        (["hello", "..."], ["hello", "there"], r"no words left: '\.\.\.'"),
        (["Hmm."], ["hmm"], "no words left"),
        (["hello"], [], "1 references for 0 transcripts"),
        (["hello"], ["hello", "there"], "1 references for 2 transcripts"),
        ([], [], "0 references"),
    ],
)
def test_what_cannot_be_scored_raises(references: list[str], hypotheses: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        score(references, hypotheses)


def marked(words: list[Word]) -> str:
    """Words as `text:state`, those left out as `-text:state`."""
    return " ".join(f"{'-' if word.missing else ''}{word.text}:{word.state}" for word in words)


@pytest.mark.parametrize(
    ("reference", "base", "adapted", "base_words", "adapted_words"),
    [
        ("red green", "Red, green.", "red green", "red:same green:same", "red:same green:same"),
        ("red green", "red brown", "red green", "red:same brown:wrong", "red:same green:fixed"),
        ("red green", "red green", "red brown", "red:same green:same", "red:same brown:broken"),
        ("red green", "red brown", "red great", "red:same brown:wrong", "red:same great:wrong"),
        ("red green blue", "red blue", "green blue", "red:same -green:wrong blue:same", "-red:broken green:fixed blue:same"),
        ("red green", "red", "red", "red:same -green:wrong", "red:same -green:wrong"),
        ("red green", "red very green", "red green", "red:same very:wrong green:same", "red:same green:same"),
        ("red green", "red green", "red very green", "red:same green:same", "red:same very:wrong green:same"),
        ("red", "", "red", "-red:wrong", "red:fixed"),
        ("red", "red", "", "red:same", "-red:broken"),
        ("red", "...", "blue", "-red:wrong", "blue:wrong"),
        ("ten red", "10 red", "two red", "10:same red:same", "2:broken red:same"),
    ],
)
def test_mark_words(reference: str, base: str, adapted: str, base_words: str, adapted_words: str) -> None:
    before, after = mark_words(reference, base, adapted)
    assert marked(before) == base_words
    assert marked(after) == adapted_words


def test_mark_words_marks_characters_where_words_have_no_spaces() -> None:
    before, after = mark_words("你好世界", "你号世界", "你好世节", "zh")
    assert marked(before) == "你:same 号:wrong 世:same 界:same"
    assert marked(after) == "你:same 好:fixed 世:same 节:broken"


@pytest.mark.parametrize(("change", "p_value"), [(-1, 1 / 10_001), (0, 1.0), (1, 1 / 10_001)])
def test_every_cluster_changes_alike(change: int, p_value: float) -> None:
    result = paired_interval([2] * 20, [2 + change] * 20, [5] * 20, CLUSTERS)
    assert (result.difference, result.low, result.high) == pytest.approx((change / 5,) * 3)
    assert result.p_value == pytest.approx(p_value, abs=3e-4)
    assert result.clusters == 20
    assert result.unit == "sentences"


@pytest.mark.parametrize("changed", [1, 2, 3, 4, 5, 6, 8])
def test_few_changed_clusters_are_weak_evidence(changed: int) -> None:
    adapted = [1] * changed + [2] * (20 - changed)
    result = paired_interval([2] * 20, adapted, [5] * 20, CLUSTERS)
    assert result.p_value == pytest.approx(min(1.0, 2 ** (1 - changed)), abs=0.02)
    assert result.difference == pytest.approx(-changed / 100)
    assert result.low <= result.difference <= result.high
    assert (result.high > 0) == (changed <= 3)  # the test by signs is the stricter one; a verdict needs both


def test_better_and_worse_are_mirrored() -> None:
    rng = np.random.default_rng(3)
    base, adapted, words = rng.integers(0, 4, 20), rng.integers(0, 3, 20), rng.integers(4, 9, 20)
    there, back = paired_interval(base, adapted, words, CLUSTERS), paired_interval(adapted, base, words, CLUSTERS)
    assert there.difference == pytest.approx((adapted.sum() - base.sum()) / words.sum())
    assert (there.difference, there.low, there.high) == pytest.approx((-back.difference, -back.high, -back.low))
    assert there.p_value == pytest.approx(back.p_value)
    assert there.low < there.difference < there.high


def test_the_seed_decides_the_draw() -> None:
    rng = np.random.default_rng(4)
    clips = rng.integers(0, 4, 20), rng.integers(0, 4, 20), rng.integers(4, 9, 20), CLUSTERS
    assert paired_interval(*clips, seed=1) == paired_interval(*clips, seed=1)
    assert paired_interval(*clips, seed=1) != paired_interval(*clips, seed=2)


def test_clips_of_one_cluster_count_as_one_wherever_they_stand() -> None:
    rng = np.random.default_rng(5)
    base, adapted, words = rng.integers(0, 4, 24), rng.integers(0, 4, 24), rng.integers(4, 9, 24)
    names = [f"speaker {i % 8}" for i in range(24)]
    result = paired_interval(base, adapted, words, names, "speakers")
    assert (result.clusters, result.unit) == (8, "speakers")
    order = rng.permutation(24)
    assert paired_interval(base[order], adapted[order], words[order], [names[i] for i in order], "speakers") == result
    pooled = [values.reshape(3, 8).sum(axis=0) for values in (base, adapted, words)]
    assert paired_interval(*pooled, names[:8], "speakers") == result
    alone = paired_interval(base, adapted, words, [str(i) for i in range(24)])
    assert alone.difference == result.difference
    assert (alone.low, alone.high) != (result.low, result.high)


def test_one_cluster_proves_nothing() -> None:
    assert paired_interval([3, 3], [0, 0], [5, 5], ["a", "a"]).p_value == 1.0


def test_darwins_maize_as_fisher_tested_it() -> None:
    """Fisher 1935, "The Design of Experiments", section 21: 863 of the 32,768 signings reach the sum of 314 eighths of an
    inch by which Darwin's 15 crossed plants were taller than their self-fertilised partners."""
    taller = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    result = paired_interval([0] * 15, taller, [1] * 15, CLUSTERS[:15])
    assert result.difference == pytest.approx(314 / 15)
    assert result.p_value == pytest.approx(2 * 863 / 32_768, abs=0.005)


# Efron & Tibshirani 1993, "An Introduction to the Bootstrap", table 10.1: hormone in the blood of eight people with an
# old and a new patch, as the change between them and the old patch's effect, whose ratio of means is wanted.
PATCH_CHANGE = [-1200, 2601, -2705, 1982, -1290, 351, -638, -2719]
PATCH_EFFECT = [8406, 2342, 8187, 8459, 4795, 3516, 4796, 10238]


def test_the_hormone_patches_as_efron_and_tibshirani_resampled_them() -> None:
    result = paired_interval([0] * 8, PATCH_CHANGE, PATCH_EFFECT, CLUSTERS[:8])
    assert result.difference == pytest.approx(-0.0713, abs=5e-5)  # section 10.3
    error = (result.high - result.low) / 2 / 2.3646 / math.sqrt(8 / 7)
    assert error == pytest.approx(0.105, rel=0.05)  # the same section, from 400 draws
    assert error == pytest.approx(exact_bootstrap_error(PATCH_CHANGE, PATCH_EFFECT), rel=0.02)


def exact_bootstrap_error(change: list[int], length: list[int]) -> float:
    """The standard deviation over all ways to draw with replacement, each weighted by how often it comes up."""
    n = len(change)
    ratios, weights = [], []
    for drawn in itertools.combinations_with_replacement(range(n), n):
        ratios.append(sum(change[i] for i in drawn) / sum(length[i] for i in drawn))
        weights.append(math.factorial(n) / math.prod(math.factorial(drawn.count(i)) for i in set(drawn)) / n**n)
    assert sum(weights) == pytest.approx(1)
    mean = np.average(ratios, weights=weights)
    return math.sqrt(np.average((np.array(ratios) - mean) ** 2, weights=weights))


@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.7062), (2, 4.3027), (3, 3.1824), (7, 2.3646), (14, 2.1448), (39, 2.0227), (10**6, 1.95996)],
)
def test_students_quantile_as_tabulated(freedom: int, quantile: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(quantile, rel=1e-4)
    assert student_quantile(0.025, freedom) == pytest.approx(-quantile, rel=1e-4)
    assert student_quantile(0.5, freedom) == pytest.approx(0, abs=1e-9)


def experiment(
    rng: np.random.Generator, clusters: int, effect: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[str], float]:
    """Three clips a cluster that share how hard it is and, with that, what adapting does to it; and the true change."""
    words = rng.integers(4, 12, (clusters, 3))
    hard = rng.beta(2, 5, (clusters, 1)) * np.ones(3)
    # What adapting leaves of the errors: on average 1 - effect, and the same for the clips of a cluster.
    left = (1 - effect) * rng.uniform(0.4, 1.6, (clusters, 1)) if effect else rng.uniform(0.6, 1.4, (clusters, 1))
    base, adapted = rng.binomial(words, hard), rng.binomial(words, np.minimum(hard * left, 1))
    names = [f"{i:03d}" for i in range(clusters) for _ in range(3)]
    return base.ravel(), adapted.ravel(), words.ravel(), names, -effect * 2 / 7


@pytest.mark.parametrize("clusters", [8, 15, 40])
def test_the_interval_covers_the_truth_as_often_as_it_says(clusters: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 1_000)
    rng = np.random.default_rng(6)
    experiments = 1_500
    covered = 0
    for _ in range(experiments):
        *clips, change = experiment(rng, clusters, 0.5)
        interval = paired_interval(*clips)
        covered += interval.low <= change <= interval.high
    assert 0.93 <= covered / experiments <= 0.97


def test_chance_is_seldom_taken_for_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 1_000)
    rng = np.random.default_rng(7)
    significant = sum(paired_interval(*experiment(rng, 40, 0.0)[:4]).p_value < 1 - CONFIDENCE for _ in range(1_000))
    assert 0.03 <= significant / 1_000 <= 0.07


def test_ten_thousand_draws_of_two_hundred_clusters_cost_little() -> None:
    rng = np.random.default_rng(8)
    words = rng.integers(4, 12, 200)
    base, adapted = rng.binomial(words, 0.3), rng.binomial(words, 0.2)
    names = [f"{i:03d}" for i in range(200)]
    drawn = random.Random(0)

    def one_by_one(draws: int) -> list[float]:
        changes, lengths, ratios = (adapted - base).tolist(), words.tolist(), []
        for _ in range(draws):
            change = length = 0
            for _ in range(200):
                i = drawn.randrange(200)
                change += changes[i]
                length += lengths[i]
            ratios.append(change / length)
        return ratios

    def seconds(work: Callable[[], object]) -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    whole = min(seconds(lambda: paired_interval(base, adapted, words, names)) for _ in range(3))
    fifth = min(seconds(lambda: one_by_one(metrics.RESAMPLES // 5)) for _ in range(2))
    assert whole < fifth  # so it is at least five times as fast, the test by signs included


@pytest.mark.parametrize(("power", "lowest", "highest"), [(0.5, 0.35, 0.65), (0.8, 0.7, 0.92)])
def test_with_the_clusters_that_were_needed_the_interval_leaves_zero_out(
    power: float, lowest: float, highest: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 1_000)
    rng = np.random.default_rng(9)
    # The spread as many clusters show it, put down to a few, whose difference happens to be the true one.
    *clips, change = experiment(rng, 900, 0.15)
    whole = paired_interval(*clips)
    assert whole.difference == pytest.approx(change, abs=0.01)
    few = 30
    reach = (whole.high - whole.low) / 2 * math.sqrt(900 / few)
    observed = dataclasses.replace(whole, low=change - reach, high=change + reach, difference=change, clusters=few)
    more = clusters_needed(observed, power)
    assert more is not None
    assert more > 0
    intervals = [paired_interval(*experiment(rng, few + more, 0.15)[:4]) for _ in range(300)]
    assert lowest <= sum(i.high < 0 for i in intervals) / 300 <= highest


@pytest.mark.parametrize(
    ("interval", "needed"),
    [
        (Interval(-0.2, -0.3, -0.1, 0.001, 12, "sentences"), 0),
        (Interval(0.2, 0.1, 0.3, 0.001, 12, "sentences"), 0),
        (Interval(-0.1, -0.2, 0.0, 0.05, 100, "sentences"), 1),
        (Interval(-0.1, -0.3, 0.1, 0.3, 100, "sentences"), 291),  # twice as narrow takes four times as many, or nearly
        (Interval(0.1, -0.1, 0.3, 0.3, 100, "sentences"), 291),
        (Interval(-0.001, -0.2, 0.198, 0.9, 20, "sentences"), None),
        (Interval(0.0, -0.1, 0.1, 1.0, 20, "sentences"), None),
        (Interval(-0.3, -0.3, -0.3, 1.0, 1, "speakers"), None),
    ],
)
def test_clusters_needed(interval: Interval, needed: int | None) -> None:
    found = clusters_needed(interval)
    assert found == (needed if needed is None else pytest.approx(needed, abs=6))
    if needed:
        assert clusters_needed(interval, 0.8) > found


def test_what_was_said_and_heard_stand_side_by_side() -> None:
    assert word_pairs("The cat sat on it.", "a cat sat it") == [
        ("the", "a"), ("cat", "cat"), ("sat", "sat"), ("on", ""), ("it", "it")
    ]  # fmt: skip
    assert word_pairs("Cat!", "the cat") == [("", "the"), ("cat", "cat")]
    assert word_pairs("你好", "你号", "zh") == [("你", "你"), ("好", "号")]


def test_every_clip_has_its_own_rates() -> None:
    result = score(["red green blue", "ten"], ["red green", "tan"])
    assert result.word_errors == (1, 1)
    assert result.clip_cers == pytest.approx((5 / 14, 3 / 2))  # "ten" is compared as "10": two wrong, one added
