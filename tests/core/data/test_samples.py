"""The sample sets that come with Attune are what the page says they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.sound_files import decode
from core.data.clips.labelled_set import PARTS, overlap, refuse_shared_audio
from core.data.samples import CANARY, REPLAY, SAMPLES, read_sample, samples_folder
from core.storage.files import sha256
from core.text.scoring import normalise

MAX_BYTES = 16_000_000  # of all sets together, so that a package stays small
MAX_SECONDS = 8.0


@pytest.mark.parametrize("name", SAMPLES)
def test_a_set_has_forty_to_sixty_clips_in_all_parts(name: str) -> None:
    sample = read_sample(name)
    assert 40 <= len(sample.clips) <= 60
    assert {clip.part for clip in sample.clips} == set(PARTS)
    assert len(sample.part("train")) > len(sample.part("test")) >= 8 > 2 < len(sample.part("validation"))
    assert (sample.name, sample.synthetic) == (name, True)


@pytest.mark.parametrize(
    ("name", "language"), [("accent", "en"), ("noise", "en"), ("language", "sw"), (CANARY, "en"), (REPLAY, "en")]
)
def test_the_language_of_a_set(name: str, language: str) -> None:
    assert read_sample(name).language == language


@pytest.mark.parametrize("name", SAMPLES)
def test_no_sentence_stands_in_two_parts(name: str) -> None:
    sample = read_sample(name)
    for one, other in (("train", "validation"), ("train", "test"), ("validation", "test")):
        assert overlap(sample.part(one), sample.part(other), sample.language).sentences == 0


@pytest.mark.parametrize("name", SAMPLES)
def test_no_recording_stands_in_two_parts(name: str) -> None:
    sample = read_sample(name)
    refuse_shared_audio(sample.part("train"), [*sample.part("validation"), *sample.part("test")], sha256)
    refuse_shared_audio(sample.part("validation"), sample.part("test"), sha256)


@pytest.mark.parametrize("name", [*SAMPLES, CANARY, REPLAY])
def test_every_sound_is_there_and_ready(name: str) -> None:
    clips = read_sample(name).clips
    for clip in clips:
        info = soundfile.info(clip.path)
        assert (info.samplerate, info.channels) == (16_000, 1), clip.path
        assert 0.5 < info.duration < MAX_SECONDS, clip.path
    listed = {Path(clip.path) for clip in clips}
    assert len(listed) == len(clips)
    assert {path.resolve() for path in (samples_folder() / name / "audio").iterdir()} == listed


@pytest.mark.parametrize("name", [*SAMPLES, CANARY, REPLAY])
def test_sounds_are_loud_enough_and_not_clipped(name: str) -> None:
    for clip in read_sample(name).clips[::7]:
        loudest = np.abs(decode(clip.path)).max()
        assert 0.05 < loudest < 1.0, clip.path


@pytest.mark.parametrize("name", [*SAMPLES, CANARY, REPLAY])
def test_every_clip_names_its_voice_and_has_words(name: str) -> None:
    sample = read_sample(name)
    assert all(clip.speaker for clip in sample.clips)
    assert all(len(normalise(clip.text, sample.language).split()) >= 3 for clip in sample.clips)


@pytest.mark.parametrize("name", ["accent", "language"])
def test_the_voices_that_are_scored_are_not_trained_on(name: str) -> None:
    sample = read_sample(name)
    held_out = [*sample.part("validation"), *sample.part("test")]
    assert overlap(sample.part("train"), held_out, sample.language).speakers == 0
    assert overlap(sample.part("validation"), sample.part("test"), sample.language).speakers == 0


@pytest.mark.parametrize("name", SAMPLES)
def test_the_canary_speaks_of_something_else(name: str) -> None:
    canary = read_sample(CANARY)
    sample = read_sample(name)
    assert overlap(canary.clips, sample.clips, sample.language).sentences == 0
    refuse_shared_audio(sample.clips, canary.clips, sha256)


def test_the_canary_is_for_scoring_alone() -> None:
    canary = read_sample(CANARY)
    assert len(canary.clips) >= 8
    assert {clip.part for clip in canary.clips} == {"test"}
    assert len({normalise(clip.text) for clip in canary.clips}) == len(canary.clips)


@pytest.mark.parametrize("name", [*SAMPLES, CANARY])
def test_what_is_replayed_is_scored_nowhere(name: str) -> None:
    replay, scored = read_sample(REPLAY), read_sample(name)
    shared = overlap(replay.clips, scored.clips, scored.language)
    assert (shared.sentences, shared.speakers) == (0, 0)
    refuse_shared_audio(replay.clips, scored.clips, sha256)


def test_the_replay_set_is_for_training_alone() -> None:
    replay = read_sample(REPLAY)
    assert len(replay.clips) == 32
    assert {clip.part for clip in replay.clips} == {"train"}
    assert len({normalise(clip.text) for clip in replay.clips}) == len(replay.clips)


def test_all_sets_together_are_small() -> None:
    assert sum(path.stat().st_size for path in samples_folder().rglob("*") if path.is_file()) < MAX_BYTES
