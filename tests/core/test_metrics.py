"""Error rates counted by hand, marked words, and the interval of a difference."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core import metrics
from core.metrics import CONFIDENCE, ErrorRate, Word, mark_words, paired_interval, score

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
    assert result.low <= result.difference <= result.high <= 0


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


def test_the_interval_covers_the_truth_as_often_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "RESAMPLES", 1_000)
    rng = np.random.default_rng(6)
    covered, significant = 0, 0
    for _ in range(200):
        words = rng.integers(4, 12, 40)
        hard = rng.beta(2, 5, 40)  # how hard a sentence is; on average 2/7, and adapting halves it
        interval = paired_interval(
            rng.binomial(words, hard), rng.binomial(words, hard / 2), words, [f"{i:02d}" for i in range(40)]
        )
        covered += interval.low <= -1 / 7 <= interval.high
        same = paired_interval(rng.binomial(words, hard), rng.binomial(words, hard), words, [f"{i:02d}" for i in range(40)])
        significant += same.p_value < 1 - CONFIDENCE
    assert 0.88 <= covered / 200 <= 0.99
    assert 0.01 <= significant / 200 <= 0.1


def test_every_clip_has_its_own_rates() -> None:
    result = score(["red green blue", "ten"], ["red green", "tan"])
    assert result.word_errors == (1, 1)
    assert result.clip_cers == pytest.approx((5 / 14, 3 / 2))  # "ten" is compared as "10": two wrong, one added
