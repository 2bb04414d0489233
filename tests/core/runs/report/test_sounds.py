"""The sounds inside a report."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.sound_files import SAMPLE_RATE
from core.runs.report.sounds import embedded

PREFIX = "data:audio/mpeg;base64,"


@pytest.fixture
def clips(tmp_path: Path) -> list[str]:
    """Three clips of two seconds, of which the last is damaged and a fourth is gone."""
    made = []
    for number, hertz in enumerate((300, 500, 700)):
        path = tmp_path / f"{number}.flac"
        tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)
        soundfile.write(path, tone, SAMPLE_RATE)
        made.append(str(path))
    Path(made[2]).write_bytes(b"fLaC")
    return [*made, str(tmp_path / "gone.flac")]


def test_a_sound_is_a_small_mp3_of_the_same_sound(clips: list[str]) -> None:
    found = embedded(clips)
    assert list(found) == clips[:2]
    for path, uri in found.items():
        assert uri.startswith(PREFIX)
        packed = base64.b64decode(uri.removeprefix(PREFIX))
        assert len(packed) < 4_000 * 2
        wave, rate = soundfile.read(io.BytesIO(packed))
        assert rate == SAMPLE_RATE
        assert wave.ndim == 1
        assert len(wave) == pytest.approx(2 * SAMPLE_RATE, rel=0.1)
        strongest = np.argmax(np.abs(np.fft.rfft(wave))) * rate / len(wave)
        assert strongest == pytest.approx({clips[0]: 300, clips[1]: 500}[path], abs=5)


def test_the_most_important_sounds_are_kept_where_not_all_fit(clips: list[str]) -> None:
    one = len(embedded(clips[:1])[clips[0]])
    assert list(embedded(clips, one + 100)) == clips[:1]
    assert embedded(clips, 10) == {}
    assert list(embedded([clips[0], clips[0]], one)) == clips[:1]  # a clip that is named twice is in it once
