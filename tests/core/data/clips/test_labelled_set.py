"""Labelled sets: nothing is scored on what it was trained on."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.data.clips.labelled_set import (
    PARTS,
    Clip,
    LabelledSet,
    check_text,
    decode_clips,
    overlap,
    refuse_shared_audio,
    speakers_or_sentences,
    told_apart,
)
from core.data.clips.parts import assign_parts
from core.errors import DatasetError
from core.storage.files import sha256
from core.text.normalisation import Normalisation
from core.text.scoring import MAX_TEXT_CHARACTERS
from tests.conftest import tone
from tests.core.data.recordings import made


def test_parts_of_a_set() -> None:
    labelled = LabelledSet("x", tuple(assign_parts(made(100), "de")), "de")
    assert [len(labelled.part(part)) for part in PARTS] == [70, 10, 20]
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


def test_decode_clips_leaves_out_texts_without_words(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(1.0), 16_000)
    clips = [Clip(str(tmp_path / "a.wav"), text) for text in ("Hello", "[noise]", "um", "hello [noise]")]
    _, kept, dropped = decode_clips(clips, 2.0, "en")
    assert [clip.text for clip in kept] == ["Hello", "hello [noise]"]
    assert [(row.reason, row.details["text"]) for row in dropped] == [("clip_no_words", "[noise]"), ("clip_no_words", "um")]
    assert dropped[0].message == "a.wav is not trained on and not scored: its text, '[noise]', has no words."
    assert len(decode_clips(clips, 2.0, "de")[1]) == 3  # "um" is a word of German
    assert len(decode_clips(clips, 2.0)[1]) == 4


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
