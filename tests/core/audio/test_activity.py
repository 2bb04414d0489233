"""Speech is told from pauses by energy."""

from __future__ import annotations

import numpy as np
import pytest

from core.audio.activity import FLOOR_DBFS, active, levels, runs
from core.audio.sound_files import SAMPLE_RATE


def bursts(spans: list[tuple[float, float]], seconds: float, noise_dbfs: float = -60.0, seed: int = 0) -> np.ndarray:
    """A tone of -20 dBFS that sounds during the spans (in seconds) over white noise."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = 10 ** (noise_dbfs / 20) * np.random.default_rng(seed).standard_normal(len(time))
    for start, end in spans:
        inside = (time >= start) & (time < end)
        wave[inside] += 10 ** (-20 / 20) * np.sqrt(2) * np.sin(2 * np.pi * 200 * time[inside])
    return wave.astype(np.float32)


@pytest.mark.parametrize("dbfs", [-6.0, -20.0, -60.0])
def test_levels_are_root_mean_squares_in_decibels(dbfs: float) -> None:
    wave = np.full(16_000, 10 ** (dbfs / 20), dtype=np.float32)
    assert levels(wave) == pytest.approx(np.full(100, dbfs), abs=0.01)


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (160, 1), (161, 2), (1_600, 10), (1_601, 11)])
def test_there_is_a_frame_every_10_ms(samples: int, frames: int) -> None:
    found = levels(np.full(samples, 0.1, dtype=np.float32))
    assert found == pytest.approx(np.full(frames, -20.0), abs=0.01)
    assert active(found).shape == (frames,)


def test_digital_silence_has_a_level() -> None:
    assert set(levels(np.zeros(1_600, dtype=np.float32))) == {FLOOR_DBFS}


@pytest.mark.parametrize("noise", [-100.0, -60.0, -40.0, -32.0])
@pytest.mark.parametrize("gain", [1.0, 0.05])
def test_speech_is_found_whatever_the_noise_and_the_gain(noise: float, gain: float) -> None:
    spans = [(0.5, 1.5), (2.5, 4.0)]
    found = runs(active(levels(gain * bursts(spans, 5.0, noise))))
    assert np.array(found) / 100 == pytest.approx(np.array(spans), abs=0.02)


def test_a_padding_of_zeros_does_not_make_the_noise_speech() -> None:
    wave = bursts([(0.5, 1.5)], 2.0, -62.0)
    padded = np.concatenate([np.zeros(SAMPLE_RATE, np.float32), wave, np.zeros(SAMPLE_RATE, np.float32)])
    assert np.array(runs(active(levels(padded)))) / 100 == pytest.approx(np.array([(1.5, 2.5)]), abs=0.02)


@pytest.mark.parametrize(
    ("spans", "expected", "why"),
    [
        ([(0.5, 1.0), (1.1, 2.0)], [(0.5, 2.0)], "a stop consonant's closure belongs to the word"),
        ([(0.5, 1.0), (1.3, 2.0)], [(0.5, 1.0), (1.3, 2.0)], "a pause does not"),
        ([(0.5, 0.52), (1.3, 2.0)], [(1.3, 2.0)], "a click is no speech"),
    ],
)
def test_closures_and_clicks(spans: list[tuple[float, float]], expected: list[tuple[float, float]], why: str) -> None:
    found = np.array(runs(active(levels(bursts(spans, 3.0))))) / 100
    assert found.shape == np.shape(expected), why
    assert found == pytest.approx(np.array(expected), abs=0.02), why


@pytest.mark.parametrize(
    ("mask", "expected"),
    [([], []), ([0], []), ([1], [(0, 1)]), ([0, 1, 1, 0, 1], [(1, 3), (4, 5)]), ([1, 0], [(0, 1)])],
)
def test_runs(mask: list[int], expected: list[tuple[int, int]]) -> None:
    assert runs(np.array(mask, dtype=bool)) == expected
