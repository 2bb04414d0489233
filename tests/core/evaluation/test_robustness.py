"""Clips made harder to hear, and models that stand it or do not."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from core.audio.augment.augmenter import TELEPHONE_HIGHEST, TELEPHONE_LOWEST, active_power
from core.audio.sound_files import SAMPLE_RATE, decode
from core.data.clips.labelled_set import Clip
from core.data.samples import read_sample
from core.evaluation.robustness import CONDITIONS, NOISE_DB, ConditionResult, robustness, spoil
from tests.conftest import tone

NOUNS = ("apple", "bridge", "candle", "doctor", "engine", "forest", "garden", "hammer", "island", "jacket")
CLIPS = [Clip(f"/{i}.wav", f"the {noun} is green") for i, noun in enumerate(NOUNS)]
WAVES = [tone(1.0, 300.0 + 40 * i, seed=i) for i in range(len(NOUNS))]


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return decode(read_sample("general").clips[0].path)


def power(wave: np.ndarray, low: float = 1.0, high: float = SAMPLE_RATE / 2) -> float:
    """Mean power between two frequencies in Hz."""
    spectrum = 2 * np.abs(np.fft.rfft(wave)) ** 2
    hertz = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE)
    return float(spectrum[(hertz >= low) & (hertz < high)].sum() / len(wave) ** 2)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_spoilt_clip_is_as_long_and_about_as_loud(condition: str, speech: np.ndarray) -> None:
    spoilt = spoil(speech, condition)
    assert spoilt.shape == speech.shape
    assert spoilt.dtype == np.float32
    assert np.isfinite(spoilt).all()
    assert 0.1 < power(spoilt) / power(speech) < 3  # noise as loud as the words goes on in the pauses
    assert np.array_equal(spoil(speech, condition), spoilt)
    assert np.array_equal(spoilt, speech) == (condition == "recorded")


@pytest.mark.parametrize("decibels", NOISE_DB)
def test_the_noise_is_as_loud_as_it_says_and_pink(decibels: int, speech: np.ndarray) -> None:
    soft = speech / 8  # so that nothing is turned down
    noise = spoil(soft, f"noise_{decibels}", seed=1) - soft
    assert 10 * np.log10(active_power(soft) / power(noise)) == pytest.approx(decibels, abs=0.1)
    octaves = [power(noise, low, 2 * low) for low in (250, 500, 1000, 2000)]
    assert max(octaves) / min(octaves) < 1.3
    assert not np.array_equal(spoil(soft, f"noise_{decibels}", seed=2) - soft, noise)


def test_a_room_rings_on() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[100] = 1.0
    rings = spoil(click, "room")
    early, late = power(rings[101:1700]), power(rings[4900:6500])
    assert np.argmax(np.abs(rings)) == 100
    assert 10 * np.log10(early / late) == pytest.approx(30, abs=3)  # 0.3 s on: half of the way to -60 dB
    assert power(rings[101:]) / power(rings[:101]) * (SAMPLE_RATE - 101) / 101 == pytest.approx(1, abs=0.05)


def test_a_telephone_has_a_narrow_band() -> None:
    noise = (0.1 * np.random.default_rng(0).standard_normal(SAMPLE_RATE)).astype(np.float32)
    heard = spoil(noise, "telephone")
    assert power(heard, 0, 100) < 0.2 * power(noise, 0, 100)
    assert power(heard, 4200) < 0.01 * power(noise, 4200)
    assert power(heard, TELEPHONE_LOWEST, TELEPHONE_HIGHEST) > 0.6 * power(noise, TELEPHONE_LOWEST, TELEPHONE_HIGHEST)


@pytest.mark.parametrize("height", [0.0, 1e-6, 1e-4])
@pytest.mark.parametrize("condition", CONDITIONS)
def test_silence_stays_finite(height: float, condition: str) -> None:
    assert np.isfinite(spoil(np.full(SAMPLE_RATE, height, np.float32), condition)).all()


def reader(stands: float, heard: list[np.ndarray]) -> object:
    """Mishears one word of every clip whose high frequencies are louder than it stands."""

    def read(waves: Sequence[np.ndarray]) -> list[str]:
        heard.extend(waves)
        wrong = [power(wave, 4200) > stands for wave in waves]
        return [clip.text.replace("green", "grey") if bad else clip.text for bad, clip in zip(wrong, CLIPS, strict=True)]

    return read


def test_both_models_are_read_under_every_condition() -> None:
    first, second = [], []
    points = list(robustness(WAVES, CLIPS, reader(4e-4, first), reader(4e-3, second), "en"))
    assert [point.condition for point in points] == list(CONDITIONS)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    by_name = {point.condition: point for point in points}
    assert by_name["recorded"].base.wer == by_name["recorded"].adapted.wer == 0
    noisy = by_name["noise_10"]
    assert (noisy.base.wer, noisy.adapted.wer, noisy.clips) == (0.25, 0, 10)
    assert noisy.difference.difference == -0.25
    assert noisy.difference.high < 0
    assert by_name["telephone"].base.wer == 0
    for point in points:
        for line in (point.base, point.adapted):
            assert 0 <= line.low <= line.wer <= line.high
        assert ConditionResult.from_json(json.loads(json.dumps(point.to_json(), allow_nan=False))) == point


def test_the_models_are_only_asked_as_far_as_one_looks() -> None:
    heard = []
    points = robustness(WAVES, CLIPS, reader(1.0, heard), reader(1.0, []), "en")
    next(points)
    assert len(heard) == len(CLIPS)
