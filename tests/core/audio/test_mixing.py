"""How channels become one, and what happens to samples beyond full scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.mixing import Mix, Mixer
from core.audio.sound_files import CHANGES, decode, level, read_sound
from tests.conftest import tone

SPEECH = tone(0.5, 300, seed=1)
MUSIC = tone(0.5, 900, seed=2)
NOTHING = np.zeros_like(SPEECH)
NOISE = (0.001 * np.random.default_rng(0).standard_normal(len(SPEECH))).astype(np.float32)


def write(path: Path, *channels: np.ndarray, subtype: str = "PCM_16") -> Path:
    soundfile.write(path, np.stack(channels, axis=1), 16_000, subtype=subtype)
    return path


@pytest.mark.parametrize(
    ("channels", "taken"),
    [
        ((SPEECH, -SPEECH), 0),
        ((SPEECH, -SPEECH + NOISE), 0),
        ((-0.9 * SPEECH, SPEECH), 1),
        ((0.5 * SPEECH, -SPEECH), 1),
        ((SPEECH + 0.2, 0.1 - SPEECH), 0),  # an offset is no sound
        ((SPEECH, NOTHING, -SPEECH), 0),
        ((SPEECH,), None),
        ((SPEECH, SPEECH), None),
        ((SPEECH, NOTHING), None),
        ((SPEECH, MUSIC), None),
        ((SPEECH, -0.1 * SPEECH), None),
        ((NOTHING, NOTHING, SPEECH, NOTHING, NOTHING, NOTHING), None),  # 5.1, speech in the centre
        ((MUSIC, -MUSIC, SPEECH, NOTHING, NOTHING, NOTHING), None),  # and music around it
    ],
)
def test_one_channel_is_taken_only_where_they_cancel(
    tmp_path: Path, channels: tuple[np.ndarray, ...], taken: int | None
) -> None:
    sound = read_sound(write(tmp_path / "a.wav", *channels))
    expected = np.mean(channels, axis=0) if taken is None else channels[taken]
    np.testing.assert_allclose(sound.wave, expected, atol=1e-4)
    assert sound.changes == (() if taken is None else ("channels_cancel",))


def with_samples(values: dict[int, float]) -> np.ndarray:
    wave = SPEECH.copy()
    for place, value in values.items():
        wave[place] = value
    return wave


@pytest.mark.parametrize(
    ("wave", "expected"),
    [
        (SPEECH * 32_768, SPEECH / np.abs(SPEECH).max()),  # of int16 values
        (SPEECH * 1e30, SPEECH / np.abs(SPEECH).max()),
        (3 * SPEECH / np.abs(SPEECH).max(), SPEECH / np.abs(SPEECH).max()),
        (with_samples({10: 1.05, 20: -1.01}), with_samples({10: 1.0, 20: -1.0})),  # a mixer's overs are cut off
        (with_samples({10: 30_000.0}), with_samples({10: 1.0})),  # a spike does not make the speech silent
        (with_samples({10: np.inf, 20: np.nan}), with_samples({10: 1.0, 20: 0.0})),
    ],
)
def test_samples_beyond_full_scale(tmp_path: Path, wave: np.ndarray, expected: np.ndarray) -> None:
    path = write(tmp_path / "a.wav", wave, subtype="FLOAT")
    sound = read_sound(path)
    np.testing.assert_allclose(sound.wave, expected, atol=1e-5)
    scaled = np.abs(wave[np.isfinite(wave)] > 1).sum() > 1 and np.array_equal(sound.wave, decode(path))
    assert scaled == ("samples_over" in sound.changes)
    assert level(sound.wave).clipped < 0.01


def test_a_spike_among_int16_values_is_cut_off() -> None:
    mixer = Mixer(Mix())
    block = np.full((10_000, 1), 1_000.0, np.float32)
    block[5] = 1e9
    mixer.mixed(block)
    assert mixer.better() == Mix(None, 1_000.0)


def test_channels_that_cancel_are_scaled_too(tmp_path: Path) -> None:
    sound = read_sound(write(tmp_path / "a.wav", 20_000 * SPEECH, -20_000 * SPEECH, subtype="FLOAT"))
    np.testing.assert_allclose(sound.wave, SPEECH / np.abs(SPEECH).max(), atol=1e-5)
    assert sound.changes == ("channels_cancel", "samples_over")
    assert CHANGES.keys() >= set(sound.changes)


def test_a_part_is_judged_by_itself(tmp_path: Path) -> None:
    left = np.concatenate([SPEECH, SPEECH])
    path = write(tmp_path / "a.wav", left, np.concatenate([-SPEECH, SPEECH]))
    parts = [read_sound(path, span=span) for span in ((0.0, 0.5), (0.5, 1.0))]
    assert [part.changes for part in parts] == [("channels_cancel",), ()]
    for part in parts:
        np.testing.assert_allclose(part.wave, SPEECH, atol=1e-4)
