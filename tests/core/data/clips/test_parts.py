"""The split of clips: no sentence, and no speaker if possible, is on both sides."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from core.data.clips.labelled_set import PARTS, Clip, LabelledSet, Note
from core.data.clips.parts import FEW_CLIPS, assign_parts, small_test
from core.errors import DatasetError
from core.text.metrics import VERDICT_CLIPS
from core.text.scoring import normalise
from tests.core.data.recordings import made


def parts_of(clips: Sequence[Clip], key: str) -> dict[str, set[str]]:
    """The parts in which each sentence or speaker is heard."""
    found: dict[str, set[str]] = {}
    for clip in clips:
        found.setdefault(normalise(clip.text, "de") if key == "text" else clip.speaker, set()).add(clip.part)
    return found


def assert_apart(clips: Sequence[Clip], key: str) -> None:
    torn = {name: parts for name, parts in parts_of(clips, key).items() if len(parts) > 1}
    assert not torn


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("count", "sentences"), [(61, 61), (100, 40), (90, 20), (70, 7)])
def test_a_sentence_stands_in_one_part(count: int, sentences: int, seed: int) -> None:
    split = assign_parts(made(count, sentences), "de", seed)
    assert_apart(split, "text")
    assert {clip.part for clip in split} == set(PARTS)
    assert [dataclasses.replace(clip, part="") for clip in split] == made(count, sentences)


def test_the_shares_are_a_fifth_and_a_tenth() -> None:
    counts = Counter(clip.part for clip in assign_parts(made(100), "de"))
    assert counts == {"train": 70, "validation": 10, "test": 20}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("clips", "tested"), [(3, 1), (4, 2), (13, 6), (15, 7), (16, 8), (20, 8), (40, 8), (50, 10), (FEW_CLIPS, 12)]
)
def test_of_few_clips_eight_or_half_are_tested_and_none_chooses_a_checkpoint(clips: int, tested: int, seed: int) -> None:
    split = assign_parts(made(clips), "de", seed)
    assert Counter(clip.part for clip in split) == {"test": tested, "train": clips - tested}
    of_two_voices = assign_parts(made(clips, speakers=2), "de", seed)
    assert "validation" not in {clip.part for clip in of_two_voices}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("count", "sentences"), [(9, 3), (12, 6), (30, 5), (50, 20), (60, 7)])
def test_of_few_clips_takes_of_one_sentence_stay_together(count: int, sentences: int, seed: int) -> None:
    split = assign_parts(made(count, sentences), "de", seed)
    assert_apart(split, "text")
    assert [dataclasses.replace(clip, part="") for clip in split] == made(count, sentences)
    takes = -(-count // sentences)
    tested = sum(clip.part == "test" for clip in split)
    assert abs(tested - min(count // 2, max(8, round(count / 5)))) <= takes / 2
    assert 0 < tested < count


def test_an_exam_and_its_lessons_stay_as_they_are() -> None:
    given = [*made(10, part="test"), *made(15, part="train", first=10)]
    free = [Clip("/again.wav", "Satz Nummer 3."), Clip("/more.wav", "etwas anderes")]
    split = assign_parts([*given, *free], "de")
    assert split[:25] == given
    assert [clip.part for clip in split[25:]] == ["test", "train"]  # another take of an exam sentence is not trained on


def test_what_few_test_clips_can_show_is_said() -> None:
    def note(clips: Sequence[Clip], language: str = "de") -> Note | None:
        return small_test(LabelledSet("own", tuple(clips), language))

    much = note(assign_parts(made(20), "de"))
    assert (much.reason, much.details) == ("test_shows_much", {"clips": 8, "words": 24, "unit": "words"})
    assert "8 test clips, 24 words" in much.message
    little = note(assign_parts(made(9), "de"))
    assert (little.reason, little.details["needed"]) == ("test_shows_direction", VERDICT_CLIPS)
    chinese = note([Clip("/a.wav", "今天下雨。", part="test")], "zh")
    assert "1 test clip, 4 characters" in chinese.message
    for clips in (made(5), made(5, part="train"), assign_parts(made(100), "de"), assign_parts(made(30, speakers=6), "de")):
        assert note(clips) is None


def test_sentences_are_the_same_whatever_their_case_and_punctuation() -> None:
    clips = [Clip(f"/{i}.wav", text) for i, text in enumerate(["Eins zwei.", "eins, zwei!", "EINS ZWEI", *"abcdefg"])]
    for seed in range(20):
        assert_apart(assign_parts(clips, "de", seed), "text")
    english = [Clip("/a.wav", "Ten of clubs."), Clip("/b.wav", "10 of clubs"), *made(8)]
    for seed in range(20):
        ten, digits, *_ = assign_parts(english, "en", seed)
        assert ten.part == digits.part


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("count", "speakers"), [(30, 5), (30, 6), (60, 12)])
def test_enough_speakers_are_kept_apart(count: int, speakers: int, seed: int) -> None:
    split = assign_parts(made(count, speakers=speakers), "de", seed)
    assert_apart(split, "speaker")
    assert_apart(split, "text")
    assert {clip.part for clip in split} == set(PARTS)


def torn_speakers(clips: Sequence[Clip]) -> bool:
    """Whether any of some seeds puts one speaker into two parts."""
    return any(len(parts) > 1 for seed in range(5) for parts in parts_of(assign_parts(clips, "de", seed), "speaker").values())


@pytest.mark.parametrize(
    ("clips", "why"),
    [
        (made(30, speakers=4), "four speakers are too few to hold one out"),
        ([*made(29, speakers=7), Clip("/x.wav", "x")], "one clip names no speaker"),
        ([*made(20, speakers=1), *[Clip(f"/o{i}.wav", f"o {i}", f"other {i}") for i in range(9)]], "one speaks over half"),
        (made(60, sentences=10, speakers=12), "all read the same prompts"),
    ],
)
def test_otherwise_sentences_alone_are_kept_apart(clips: list[Clip], why: str) -> None:
    assert torn_speakers(clips), why
    for seed in range(5):
        assert_apart(assign_parts(clips, "de", seed), "text")


def test_the_seed_decides_the_split() -> None:
    assert assign_parts(made(30), "de", 1) == assign_parts(made(30), "de", 1)
    assert assign_parts(made(30), "de", 1) != assign_parts(made(30), "de", 2)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_held_out_has_clips_of_every_length(seed: int) -> None:
    order = np.random.default_rng(99).permutation(100)
    split = assign_parts(made(100), "de", seed, lengths=[float(n) for n in order])
    by_length = [split[i] for i in np.argsort(order)]
    for start in range(0, 100, 5):  # a fifth is for the test: one of every five neighbours
        assert Counter(clip.part for clip in by_length[start : start + 5])["test"] == 1
    left = [clip for clip in by_length if clip.part != "test"]
    for start in range(0, 80, 8):
        assert Counter(clip.part for clip in left[start : start + 8])["validation"] == 1


@pytest.mark.parametrize("seed", range(5))
def test_without_lengths_the_transcripts_stand_for_them(seed: int) -> None:
    clips = [Clip(f"/{i}.wav", "x" * (i + 1)) for i in range(40)]
    split = assign_parts(clips, "de", seed)
    assert split == assign_parts(clips, "de", seed, lengths=range(40))
    for start in range(0, 40, 5):
        assert Counter(clip.part for clip in split[start : start + 5])["test"] == 1


@pytest.mark.parametrize("seed", range(5))
def test_long_and_short_speakers_are_both_held_out(seed: int) -> None:
    clips = [Clip(f"/{i}.wav", f"{'lang ' * (i % 10)}{i}", f"voice {i % 10}") for i in range(100)]
    tested = {int(clip.speaker.split()[1]) for clip in assign_parts(clips, "de", seed) if clip.part == "test"}
    assert len(tested) == 2
    assert min(tested) < 5 <= max(tested)


def test_many_clips_are_split_in_no_time() -> None:
    clips = [Clip(f"/{i}.wav", f"wort {i % 10}") for i in range(20_000)]
    counts = Counter(clip.part for clip in assign_parts(clips, "de", closed=True))
    assert counts == {"train": 14_000, "validation": 2_000, "test": 4_000}


def test_a_whole_split_is_left_as_it_is() -> None:
    given = [*made(5, part="train"), *made(2, part="validation", first=5), *made(2, part="test", first=7)]
    assert assign_parts(given, "de") == given
    only_train = made(2, part="train")
    assert assign_parts(only_train, "de") == only_train


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("test",), {"train", "validation"}),
        (("validation",), {"train", "test"}),
        (("validation", "test"), {"train"}),
        (("train",), {"train", "validation", "test"}),
    ],
)
def test_given_parts_are_kept_and_the_rest_is_split(given: tuple[str, ...], expected: set[str]) -> None:
    fixed = [clip for i, part in enumerate(given) for clip in made(4, part=part, first=100 + 4 * i)]
    split = assign_parts([*fixed, *made(80)], "de")
    assert split[: len(fixed)] == fixed
    assert {clip.part for clip in split[len(fixed) :]} == expected
    assert_apart(split, "text")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("part", ["validation", "test"])
def test_another_take_of_a_held_out_sentence_is_not_trained_on(part: str, seed: int) -> None:
    held_out = Clip("/held.wav", "Satz Nummer 0!", part=part)
    split = assign_parts([held_out, *made(20)], "de", seed)
    assert split[0] == held_out
    assert_apart(split, "text")


@pytest.mark.parametrize("seed", range(3))
def test_the_rest_of_a_held_out_speaker_is_not_trained_on(seed: int) -> None:
    first, *rest = made(30, speakers=6)
    assert_apart(assign_parts([dataclasses.replace(first, part="test"), *rest], "de", seed), "speaker")


@pytest.mark.parametrize(
    "clips",
    [
        made(1),
        made(2),
        made(20, sentences=1),
        made(5, sentences=2),
        [Clip("/a.wav", "Go!"), Clip("/b.wav", "go"), Clip("/c.wav", "stop"), Clip("/d.wav", "STOP.")],
        [*made(2), *(Clip(f"/noise{i}.wav", "[noise]") for i in range(9))],
    ],
)
def test_too_few_sentences_are_refused(clips: list[Clip]) -> None:
    with pytest.raises(DatasetError, match="different sentences; at least 3") as caught:
        assign_parts(clips, "de")
    assert caught.value.reason == "too_few_sentences"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("count", [6, 20])
def test_two_words_said_several_times_are_in_every_part(count: int, seed: int) -> None:
    clips = [Clip(f"/{i}.wav", ("Yes.", "no")[i % 2]) for i in range(count)]
    split = assign_parts(clips, "en", seed)
    assert split == assign_parts(clips, "en", seed, closed=True)
    assert {clip.text for clip in split if clip.part == "train"} == {"Yes.", "no"}
    assert {clip.part for clip in split} == {"train", "validation", "test"}


def test_clips_without_words_are_never_held_out() -> None:
    silent = [Clip(f"/noise{i}.wav", text) for i, text in enumerate(["[noise]", "(laughs)", "?!", "<unk>"] * 5)]
    held = Clip("/held.wav", "[noise]", part="test")
    split = assign_parts([*silent, *made(20), held], "de", lengths=[100.0] * 20 + [1.0] * 20 + [1.0])
    assert [clip.part for clip in split[:20]] == ["train"] * 20
    assert split[20:40] == assign_parts(made(20), "de", lengths=[1.0] * 20)
    assert split[40] == held


def test_few_sentences_will_do_where_the_test_is_given() -> None:
    split = assign_parts([*made(2), *made(2, part="test", first=10)], "de")
    assert "train" in {clip.part for clip in split[:2]}
