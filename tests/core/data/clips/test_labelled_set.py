"""Labelled sets: nothing is scored on what it was trained on."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.data.clips.labelled_set import (
    PARTS,
    Clip,
    LabelledSet,
    assign_parts,
    check_text,
    decode_clips,
    overlap,
    refuse_shared_audio,
    speakers_or_sentences,
    told_apart,
)
from core.errors import DatasetError
from core.storage.files import sha256
from core.text.normalisation import Normalisation
from core.text.scoring import MAX_TEXT_CHARACTERS, normalise
from tests.conftest import tone


def made(count: int, sentences: int | None = None, speakers: int = 0, part: str = "", first: int = 0) -> list[Clip]:
    """Clips /0.wav, /1.wav ... of which every `sentences`-th says the same and every `speakers`-th has one voice."""
    return [
        Clip(f"/{i}.wav", f"satz nummer {i % (sentences or first + count)}", f"voice {i % speakers}" if speakers else "", part)
        for i in range(first, first + count)
    ]


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
@pytest.mark.parametrize(("count", "sentences"), [(10, 10), (40, 40), (60, 20), (60, 7), (9, 3)])
def test_a_sentence_stands_in_one_part(count: int, sentences: int, seed: int) -> None:
    split = assign_parts(made(count, sentences), "de", seed)
    assert_apart(split, "text")
    assert {clip.part for clip in split} == set(PARTS)
    assert [dataclasses.replace(clip, part="") for clip in split] == made(count, sentences)


def test_the_shares_are_a_fifth_and_a_tenth() -> None:
    counts = Counter(clip.part for clip in assign_parts(made(100), "de"))
    assert counts == {"train": 70, "validation": 10, "test": 20}


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
    split = assign_parts([*fixed, *made(20)], "de")
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
        made(20, sentences=2),
        [Clip("/a.wav", "Go!"), Clip("/b.wav", "go"), Clip("/c.wav", "stop"), Clip("/d.wav", "STOP.")],
    ],
)
def test_too_few_sentences_are_refused(clips: list[Clip]) -> None:
    with pytest.raises(DatasetError, match="different sentences; at least 3") as caught:
        assign_parts(clips, "de")
    assert caught.value.reason == "too_few_sentences"


def test_few_sentences_will_do_where_the_test_is_given() -> None:
    split = assign_parts([*made(2), *made(2, part="test", first=10)], "de")
    assert "train" in {clip.part for clip in split[:2]}


def test_parts_of_a_set() -> None:
    labelled = LabelledSet("x", tuple(assign_parts(made(20), "de")), "de")
    assert [len(labelled.part(part)) for part in PARTS] == [14, 2, 4]
    assert all(clip.part == part for part in PARTS for clip in labelled.part(part))


@pytest.mark.parametrize(
    ("train", "held_out", "sentences", "speakers"),
    [
        ([("Hello there", "Ada")], [("Good day", "Bob")], 0, 0),
        ([("Hello there.", "Ada")], [("hello THERE", "Bob")], 1, 0),
        ([("Hello", "Ada"), ("Good day", "Ada")], [("Bye", "Ada")], 0, 1),
        ([("Ten of clubs", "")], [("10 of clubs", ""), ("ten of clubs!", "")], 1, 0),
        ([("Hello", "Ada"), ("Bye", "Bob")], [("Hello", "Bob"), ("Bye", "Ada")], 2, 2),
        ([], [("Hello", "Ada")], 0, 0),
    ],
)
def test_overlap(train: list[tuple[str, str]], held_out: list[tuple[str, str]], sentences: int, speakers: int) -> None:
    one, other = ((Clip("/x.wav", text, speaker) for text, speaker in clips) for clips in (train, held_out))
    found = overlap(one, other, "en")
    assert (found.sentences, found.speakers) == (sentences, speakers)


def test_a_recording_on_both_sides_is_refused(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"two"), ("copy", b"one")):
        (tmp_path / f"{name}.wav").write_bytes(content)
    a, b, copy = (Clip(str(tmp_path / f"{name}.wav"), name) for name in ("a", "b", "copy"))
    refuse_shared_audio([a], [b], sha256)
    refuse_shared_audio([], [a], sha256)
    for train, held_out in (([a], [b, copy]), ([a, b], [copy]), ([a], [dataclasses.replace(a, text="other")])):
        with pytest.raises(DatasetError, match=r"1 recordings, (copy|a)\.wav") as caught:
            refuse_shared_audio(train, held_out, sha256)
        assert caught.value.reason == "shared_audio"
        assert caught.value.details["clips"] == 1


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("  Hello,\n there. ", "en", "Hello, there."),
        ("你好。", "zh", "你好。"),
        ("a" * MAX_TEXT_CHARACTERS, "sw", "a" * MAX_TEXT_CHARACTERS),
        ("a" + " " * 3 * MAX_TEXT_CHARACTERS + "b", "sw", "a b"),
    ],
)
def test_check_text(text: str, language: str, expected: str) -> None:
    assert check_text(text, language, "a.wav") == expected


@pytest.mark.parametrize(
    ("text", "language", "reason", "message"),
    [
        ("", "en", "text_empty", "a.wav has no words"),
        (" \n\x00 ", "en", "text_empty", "a.wav has no words"),
        ("?!", "en", "text_empty", "a.wav has no words"),
        ("...", "en", "text_empty", "a.wav has no words"),
        ("...", "sw", "text_empty", "a.wav has no words"),
        ("Hmm", "en", "text_empty", "a.wav has no words"),
        ("。", "zh", "text_empty", "a.wav has no words"),
        ("a" * (MAX_TEXT_CHARACTERS + 1), "en", "transcript_too_long", "a.wav has 2001 characters; the limit is 2000"),
    ],
)
def test_check_text_refuses(text: str, language: str, reason: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        check_text(text, language, "a.wav")
    assert caught.value.reason == reason


def test_decode_clips_leaves_out_what_cannot_be_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "good.wav", tone(1.0), 16_000)
    soundfile.write(tmp_path / "long.wav", tone(3.0), 16_000)
    soundfile.write(tmp_path / "silent.wav", np.zeros(16_000), 16_000)
    (tmp_path / "empty.wav").touch()
    (tmp_path / "page.wav").write_text("<html></html>")
    names = ("gone", "good", "long", "silent", "empty", "page", "good")
    clips = [Clip(str(tmp_path / f"{name}.wav"), name) for name in names]
    waves, kept, dropped = decode_clips(clips, max_seconds=2.0)
    assert [clip.text for clip in kept] == ["good", "good"]
    assert [len(wave) for wave in waves] == [16_000, 16_000]
    assert [(Path(row.path).stem, row.reason) for row in dropped] == [
        ("gone", "audio_missing"),
        ("long", "audio_too_long"),
        ("silent", "audio_silent"),
        ("empty", "audio_empty"),
        ("page", "audio_unreadable"),
    ]
    assert all(Path(row.path).stem in row.message for row in dropped)


@pytest.mark.parametrize(
    ("clips", "unit", "clusters"),
    [
        (made(16, speakers=8), "speakers", 8),
        (made(16, speakers=7), "sentences", 16),
        (made(16, sentences=4), "sentences", 4),
        ([*made(16, speakers=16), Clip("/x.wav", "x")], "sentences", 17),
        ([Clip("/a.wav", "Go!"), Clip("/b.wav", "go")], "sentences", 1),
    ],
)
def test_speakers_or_sentences(clips: list[Clip], unit: str, clusters: int) -> None:
    names, found = speakers_or_sentences(clips, "de")
    assert found == unit
    assert len(names) == len(clips)
    assert len(set(names)) == clusters


def test_a_set_survives_json() -> None:
    labelled = LabelledSet("größe", tuple(assign_parts(made(9, speakers=2), "de")), "de", synthetic=True)
    assert LabelledSet.from_json(json.loads(json.dumps(labelled.to_json()))) == labelled


@pytest.mark.parametrize(
    ("path", "id"),
    [
        ("/home/ada/recordings/audio/0123456789abcdef.flac", "0123456789abcdef"),  # as recordings and sets name their sounds
        ("/data/one.wav", ""),
    ],
)
def test_a_clip_without_an_id_gets_one_from_its_path(path: str, id: str) -> None:
    clip = Clip(path, "one")
    assert re.fullmatch("[0-9a-f]{16}", clip.id)
    assert clip == Clip(path, "one", id=clip.id)
    assert clip.id == Clip(path, "two", "Ada", "test").id != Clip("x" + path.replace("f", "e"), "one").id
    assert (clip.id == id) == (Path(path).stem == id)


def test_an_id_stays_when_all_else_changes() -> None:
    clip = Clip("/a.wav", "one", id="0123456789abcdef")
    labelled = LabelledSet("set", (dataclasses.replace(clip, path="/b.wav", text="ONE", part="test"),))
    written = labelled.written_as(Normalisation(case="lower"))
    assert written.clips[0].text == "one"
    assert LabelledSet.from_json(written.to_json()).clips[0].id == clip.id


def test_no_two_clips_have_the_same_id() -> None:
    twice = [Clip("/a.wav", "one"), Clip("/b.wav", "two"), Clip("/a.wav", "uno"), Clip("/a.wav", "un")]
    apart = told_apart(twice)
    assert [clip.id for clip in apart][:2] == [clip.id for clip in twice][:2]
    assert len({clip.id for clip in apart}) == 4
    assert apart == told_apart(twice)
