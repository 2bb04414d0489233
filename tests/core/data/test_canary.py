"""Which clips of a set stand for general speech."""

from __future__ import annotations

import dataclasses

import pytest

from core.data.canary import general_speech
from core.data.clips.labelled_set import Clip, LabelledSet
from core.errors import DatasetError

CLIPS = [Clip(f"{speaker}{i}.flac", f"{speaker} {i}", speaker) for speaker in "abc" for i in range(4)]
SET = LabelledSet("ordinary", tuple(CLIPS), "en")


def test_every_speaker_is_heard_before_any_is_heard_again() -> None:
    assert [clip.path for clip in general_speech(SET, 5).clips] == ["a0.flac", "b0.flac", "c0.flac", "a1.flac", "b1.flac"]


def test_a_small_set_is_taken_whole() -> None:
    assert {clip.path for clip in general_speech(SET).clips} == {clip.path for clip in CLIPS}


@pytest.mark.parametrize(
    ("changes", "reason"), [({"language": "sw"}, "canary_language"), ({"clips": ()}, "canary_empty")], ids=["Swahili", "empty"]
)
def test_what_cannot_serve_is_refused(changes: dict, reason: str) -> None:
    with pytest.raises(DatasetError, match="ordinary") as refused:
        general_speech(dataclasses.replace(SET, **changes))
    assert refused.value.reason == reason
