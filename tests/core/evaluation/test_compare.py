"""What a comparison of two models is allowed to say."""

from __future__ import annotations

import dataclasses
import json

import pytest

from core.data.clips.labelled_set import Clip
from core.evaluation.compare import Comparison, compare, rates
from core.text.metrics import VERDICT_CLIPS, Interval

NOUNS = ("apple", "bridge", "candle", "doctor", "engine", "forest", "garden", "hammer", "island", "jacket", "kettle", "ladder")
SENTENCES = [f"the {noun} is green" for noun in NOUNS]


def clips(count: int = 12, speakers: int = 0, part: str = "test") -> list[Clip]:
    return [Clip(f"/{i}.wav", SENTENCES[i % 12], f"speaker {i % speakers}" if speakers else "", part) for i in range(count)]


def heard(count: int, wrong: int) -> list[str]:
    """Transcripts of which the first `wrong` have one error."""
    return [SENTENCES[i % 12].replace("green", "grey" if i < wrong else "green") for i in range(count)]


@pytest.mark.parametrize(
    ("count", "base_wrong", "adapted_wrong", "verdict"),
    [
        (12, 12, 0, "better"),
        (12, 0, 12, "worse"),
        (12, 8, 0, "better"),
        (12, 2, 0, "unclear"),  # two changed sentences could be chance
        (12, 0, 2, "unclear"),
        (12, 6, 6, "unclear"),
        (12, 0, 0, "unclear"),
        (8, 8, 0, "better"),
        (7, 7, 0, "thin"),
        (1, 1, 0, "thin"),
    ],
)
def test_verdict(count: int, base_wrong: int, adapted_wrong: int, verdict: str) -> None:
    result = compare(clips(count), heard(count, base_wrong), heard(count, adapted_wrong), "en")
    assert result.verdict == verdict
    assert result.difference.difference == pytest.approx((adapted_wrong - base_wrong) / (4 * count))


def test_many_takes_of_few_sentences_are_thin() -> None:
    few = [Clip(f"/{i}.wav", SENTENCES[i % 7]) for i in range(70)]
    result = compare(few, ["nothing"] * 70, [clip.text for clip in few], "en")
    assert result.difference.clusters == 7
    assert result.verdict == "thin"


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "better"),
        ({"difference": 0.2, "low": 0.1, "high": 0.3}, "worse"),
        ({"p_value": 0.05}, "better"),
        ({"p_value": 0.051}, "unclear"),
        ({"high": 0.0}, "unclear"),
        ({"high": 0.01}, "unclear"),
        ({"clusters": VERDICT_CLIPS - 1}, "thin"),
        ({"clusters": VERDICT_CLIPS - 1, "p_value": 0.9}, "thin"),
    ],
)
def test_a_verdict_needs_clusters_chance_and_interval(changes: dict[str, float], verdict: str) -> None:
    interval = dataclasses.replace(Interval(-0.2, -0.3, -0.1, 0.001, 12, "sentences"), **changes)
    result = compare(clips(), heard(12, 12), heard(12, 0), "en")
    assert dataclasses.replace(result, difference=interval).verdict == verdict


@pytest.mark.parametrize(("speakers", "unit", "clusters"), [(0, "sentences", 12), (7, "sentences", 12), (8, "speakers", 8)])
def test_clusters_are_speakers_where_there_are_enough(speakers: int, unit: str, clusters: int) -> None:
    result = compare(clips(24, speakers), heard(24, 24), heard(24, 3), "en")
    assert (result.difference.unit, result.difference.clusters) == (unit, clusters)


def test_a_clip_without_a_speaker_makes_sentences_the_clusters() -> None:
    some = [*clips(12, 12)[:11], Clip("/11.wav", SENTENCES[11])]
    assert compare(some, heard(12, 3), heard(12, 2), "en").difference.unit == "sentences"


@pytest.fixture
def one() -> Comparison:
    given = [
        Clip("/a.wav", "The cat sat.", "Ada", "train"),
        Clip("/b.wav", "Ten dogs ran.", "Bob", "test"),
        Clip("/c.wav", "Go!"),
    ]
    return compare(given, ["the hat sat", "10 dogs", "go"], ["the cat sat", "ten dogs ran", "no"], "en")


def test_every_clip_is_kept_with_its_counts(one: Comparison) -> None:
    first, second, third = one.clips
    assert (first.path, first.speaker, first.reference) == ("/a.wav", "Ada", "The cat sat.")
    assert (first.base, first.adapted) == ("the hat sat", "the cat sat")
    assert [(c.base_errors, c.adapted_errors, c.words) for c in one.clips] == [(1, 0, 3), (1, 0, 3), (0, 1, 1)]
    assert [word.state for word in first.adapted_words] == ["same", "fixed", "same"]
    assert [(word.text, word.state, word.missing) for word in second.base_words][-1] == ("ran", "wrong", True)
    assert [word.state for word in third.adapted_words] == ["broken"]


def test_a_clip_that_was_trained_on_is_flagged(one: Comparison) -> None:
    assert [clip.trained_on for clip in one.clips] == [True, False, False]


def test_rates(one: Comparison) -> None:
    assert dataclasses.asdict(rates(one.base)) == pytest.approx(
        {"wer": 2 / 7, "cer": 5 / 24, "raw_wer": 6 / 7, "raw_cer": 13 / 28}
    )


def test_to_json_is_plain_json(one: Comparison) -> None:
    whole = json.loads(json.dumps(one.to_json(), allow_nan=False))
    assert whole["verdict"] == "thin"
    assert whole["words"] == 7
    assert whole["language"] == "en"
    assert whole["base"] == dataclasses.asdict(rates(one.base))
    assert whole["adapted"] == dataclasses.asdict(rates(one.adapted))
    assert whole["difference"]["clusters"] == 3
    assert [clip["trained_on"] for clip in whole["clips"]] == [True, False, False]
    assert whole["clips"][0]["base_words"][1] == {"text": "hat", "state": "wrong", "missing": False}
    whole |= {"clips": 3, "terms": tuple(whole["terms"])}
    del whole["counts"]
    assert dataclasses.asdict(one.figures) == whole
    assert dataclasses.asdict(one.figures) == {
        key: 3 if key == "clips" else value for key, value in one.to_json().items() if key != "counts"
    }


def test_a_comparison_is_read_back_without_scoring(one: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    written = json.loads(json.dumps(one.to_json(), allow_nan=False))
    older = {name: value for name, value in written.items() if name != "counts"}
    for row in older["clips"]:
        row.pop("id")
    assert Comparison.from_json(older) == one  # what it lacks is counted again
    written = json.loads(json.dumps(one.to_json(), allow_nan=False))

    def never(*texts: object) -> None:
        raise AssertionError("nothing is scored again")

    monkeypatch.setattr("core.evaluation.compare.score", never)
    monkeypatch.setattr("core.evaluation.compare.paired_interval", never)
    assert Comparison.from_json(written) == one


@pytest.mark.parametrize(("base", "adapted"), [(["a", "b"], ["a"]), (["a"], ["a", "b"]), (["a"], ["a"]), ([], ["a", "b"])])
def test_every_clip_needs_two_transcripts(base: list[str], adapted: list[str]) -> None:
    with pytest.raises(ValueError, match="2 references for"):
        compare(clips(2), base, adapted, "en")


def test_there_must_be_clips() -> None:
    with pytest.raises(ValueError, match="0 references"):
        compare([], [], [], "en")
