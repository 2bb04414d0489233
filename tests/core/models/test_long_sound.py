"""Long recordings are transcribed piece by piece, and lose and invent nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from core.audio.sound_files import SAMPLE_RATE
from core.models.base.long_sound import by_pieces, one_by_one
from core.models.base.protocol import Transcript
from tests.core.audio.test_segmentation import talking

LONG = talking(5.0, 3.0, 10.0, 3.0, 2.0)


def numbered(pieces: Sequence[np.ndarray]) -> list[Transcript]:
    return [Transcript(f"w{i}", -len(p) / SAMPLE_RATE, i == 1, "zh" if i == 1 else "en") for i, p in enumerate(pieces)]


def test_texts_are_joined_in_order_of_time() -> None:
    heard = by_pieces(LONG, numbered, "en")
    seconds = np.array([6.5, 12.0, 3.5])
    assert heard.text == "w0w1w2", "the longest piece is Chinese"
    assert heard.language == "zh"
    assert heard.guarded
    assert heard.confidence == pytest.approx(-np.average(seconds, weights=seconds), abs=0.1)


def test_pieces_without_text_leave_no_gap() -> None:
    texts = iter(["so", "", "on"])
    heard = by_pieces(LONG, lambda pieces: [Transcript(next(texts), -1.0) for _ in pieces], "en")
    assert heard == Transcript("so on", -1.0)


def test_a_recording_without_speech_has_no_text_and_is_not_transcribed() -> None:
    assert by_pieces(np.zeros(40 * SAMPLE_RATE, np.float32), pytest.fail, "sw") == Transcript("", 0.0, language="sw")


def test_only_long_recordings_are_cut() -> None:
    calls: list[float] = []
    pauses: list[int] = []

    def one(wave: np.ndarray) -> Transcript:
        calls.append(round(len(wave) / SAMPLE_RATE))
        return Transcript(str(len(calls)), 0.0)

    heard = one_by_one([LONG[: 3 * SAMPLE_RATE], LONG, LONG[: 4 * SAMPLE_RATE]], 20.0, one, "en", lambda: pauses.append(1))
    assert [transcript.text for transcript in heard] == ["1", "2 3 4", "5"]
    assert calls == [3, 6, 12, 4, 4]
    assert len(pauses) == 5
