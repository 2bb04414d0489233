"""One recording is checked at once, and the findings are data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from core.data.inspection.quality import (
    CLIPPED_ERROR,
    CLIPPED_WARNING,
    DROWNED_DB,
    MIN_SPEECH_SECONDS,
    MIN_SPEECH_SHARE,
    NOISY_DB,
    QUIET_DBFS,
    WRONG_SPEECH_CER,
    Finding,
    Measures,
    check,
    check_speech,
    measure,
)
from tests.core.audio.test_activity import bursts

GOOD = Measures(seconds=3.0, speech_seconds=2.0, peak_dbfs=-6.0, speech_dbfs=-22.0, clipped=0.0, snr_db=30.0)


def test_measures_of_a_known_sound() -> None:
    found = measure(bursts([(0.5, 1.5), (2.0, 3.0)], 4.0, noise_dbfs=-60.0))
    assert found.seconds == 4.0
    assert found.speech_seconds == pytest.approx(2.0, abs=0.05)
    assert found.peak_dbfs == pytest.approx(-17.0, abs=0.5)  # a sine's peak lies 3 dB above its root mean square
    assert found.speech_dbfs == pytest.approx(-20.0, abs=0.5)
    assert found.clipped == 0.0
    assert found.snr_db == pytest.approx(40.0, abs=1.0)
    assert check(found) == []


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("snr", [0, 5, 10, 20, 30])
def test_the_ratio_of_speech_to_steady_noise(snr: int, seed: int) -> None:
    found = measure(bursts([(0.5, 1.5), (2.0, 3.0)], 4.0, noise_dbfs=-20.0 - snr, seed=seed))
    assert found.snr_db == pytest.approx(snr, abs=1.5)


@pytest.mark.parametrize("wave", [bursts([(0.0, 2.0)], 2.0), np.pad(bursts([(0.0, 2.0)], 2.0), 16_000)])
def test_without_pauses_there_is_no_telling_the_noise(wave: np.ndarray) -> None:
    assert measure(wave).snr_db is None
    assert check(measure(wave)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"snr_db": None}, []),
        ({"clipped": CLIPPED_WARNING * 0.9}, []),
        ({"clipped": CLIPPED_WARNING}, [Finding("clipped", "warning", CLIPPED_WARNING, CLIPPED_WARNING)]),
        ({"clipped": 0.2}, [Finding("clipped", "error", 0.2, CLIPPED_ERROR)]),
        ({"speech_dbfs": -50.0}, [Finding("too_quiet", "warning", -50.0, QUIET_DBFS)]),
        ({"speech_seconds": 0.1}, [Finding("too_short", "warning", 0.1, MIN_SPEECH_SECONDS)]),
        ({"speech_seconds": 0.0}, [Finding("no_speech", "error", 0.0, MIN_SPEECH_SECONDS)]),
        ({"seconds": 20.0}, [Finding("mostly_silent", "warning", 0.1, MIN_SPEECH_SHARE)]),
        ({"snr_db": 9.0}, [Finding("noisy", "warning", 9.0, NOISY_DB)]),
        ({"snr_db": -1.0}, [Finding("noisy", "error", -1.0, DROWNED_DB)]),
        (
            {"speech_dbfs": -50.0, "snr_db": -1.0},
            [Finding("noisy", "error", -1.0, DROWNED_DB), Finding("too_quiet", "warning", -50.0, QUIET_DBFS)],
        ),
    ],
)
def test_check(changes: dict[str, float | None], expected: list[Finding]) -> None:
    assert check(dataclasses.replace(GOOD, **changes)) == expected


@pytest.mark.parametrize(
    ("wave", "kinds"),
    [
        (np.clip(30 * bursts([(0.5, 1.5)], 2.0), -1, 1), {"clipped"}),
        (0.02 * bursts([(0.5, 1.5)], 2.0), {"too_quiet"}),
        (bursts([(0.5, 1.0)], 10.0), {"mostly_silent"}),
        (bursts([(0.5, 0.6)], 1.0), {"too_short"}),
        (bursts([(0.5, 1.5)], 2.0, noise_dbfs=-25.0), {"noisy"}),
        (np.zeros(16_000, np.float32), {"no_speech", "too_quiet"}),
        (np.zeros(1, np.float32), {"no_speech", "too_quiet"}),
    ],
)
def test_a_bad_recording_is_found_out(wave: np.ndarray, kinds: set[str]) -> None:
    assert {finding.kind for finding in check(measure(wave.astype(np.float32)))} == kinds


@pytest.mark.parametrize(
    ("prompt", "heard", "language", "suspected"),
    [
        ("The cat sat on the mat.", "the cat sat on the mat", "en", False),
        ("The cat sat on the mat.", "a cat that is on the mud", "en", False),
        ("The cat sat on the mat.", "", "en", True),
        ("The cat sat on the mat.", "Please call me when you are back in town tomorrow.", "en", True),
        ("今天天气很好", "今天天汽很好", "zh", False),
        ("今天天气很好", "我不知道你说什么", "zh", True),
        ("后面有10个", "後面有十個", "zh", False),
        ("", "anything", "en", False),
        ("...", "anything", "en", False),
    ],
)
def test_other_words_than_the_prompt_are_suspected(prompt: str, heard: str, language: str, suspected: bool) -> None:
    found = check_speech(prompt, heard, language)
    assert (found is not None) is suspected
    if found is not None:
        assert (found.kind, found.severity, found.limit) == ("wrong_speech", "warning", WRONG_SPEECH_CER)
        assert found.value > found.limit
