"""Long recordings are cut at their pauses."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from core.audio.activity import active, levels
from core.audio.segmentation import MARGIN_SECONDS, MAX_SECONDS, MIN_SECONDS, TARGET_SECONDS, Span, pieces, segment
from core.audio.sound_files import SAMPLE_RATE
from tests.core.audio.test_activity import bursts


def spoken(*pattern: float, noise_dbfs: float = -60.0) -> np.ndarray:
    """Speech and pauses in turn, in seconds, after half a second of noise."""
    spans, time = [], 0.5
    for i, seconds in enumerate(pattern):
        if i % 2 == 0:
            spans.append((time, time + seconds))
        time += seconds
    return bursts(spans, time + 0.5, noise_dbfs)


def times(spans: list[Span]) -> list[tuple[float, float]]:
    return [(span.start, span.end) for span in spans]


@pytest.mark.parametrize(
    ("pattern", "expected", "why"),
    [
        ((3.0,), [(0.3, 3.7)], "the silence around it is left out but for a margin"),
        ((3.0, 1.0, 4.0), [(0.3, 3.7), (4.3, 8.7)], "a long pause parts sentences"),
        ((3.0, 0.5, 4.0), [(0.3, 8.2)], "a short one does not, where the whole is short enough"),
        ((8.0, 0.3, 9.0), [(0.3, 8.65), (8.65, 18.0)], "but does in what would be too long"),
        ((5.0, 0.3, 5.0, 0.5, 5.0, 0.3, 1.0), [(0.3, 11.0), (11.1, 17.8)], "the longest pause first"),
        ((0.4, 0.8, 3.0), [(0.3, 4.9)], "a word by itself stays with its sentence"),
        ((3.0, 0.8, 0.4), [(0.3, 4.9)], "at the end too"),
        ((3.0, 3.0, 0.4, 3.0, 3.0), [(0.3, 3.7), (6.2, 7.2), (9.7, 13.1)], "unless the pause makes it a second long"),
        ((20.0,), [(0.3, 20.7)], "speech without a pause may be longer"),
        ((0.4,), [(0.2, 1.2)], "a short recording is filled up"),
    ],
)
def test_where_it_is_cut(pattern: tuple[float, ...], expected: list[tuple[float, float]], why: str) -> None:
    found = times(segment(spoken(*pattern)))
    assert len(found) == len(expected), why
    assert np.array(found) == pytest.approx(np.array(expected), abs=0.06), why


def test_speech_without_a_pause_is_cut_at_its_quietest() -> None:
    wave = spoken(40.0)
    time = np.arange(len(wave)) / SAMPLE_RATE
    wave[(time > 21.5) & (time < 21.7)] *= 0.3  # -30 dB, still well above the noise
    (first, second) = segment(wave)
    assert first.end == second.start == pytest.approx(21.6, abs=0.06)


@pytest.mark.parametrize("seed", range(8))
def test_spans_of_random_speech(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pattern = [
        float(s) for pair in zip(rng.gamma(1.5, 2.0, 40) + 0.2, rng.gamma(1.0, 0.6, 40) + 0.2, strict=True) for s in pair
    ]
    wave = spoken(*pattern)
    spans = segment(wave)
    assert spans == segment(wave.copy())
    assert all(MIN_SECONDS - 0.01 <= span.seconds <= MAX_SECONDS for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    assert spans[0].start >= 0
    assert spans[-1].end <= len(wave) / SAMPLE_RATE
    speaking = active(levels(wave))
    frames = np.zeros(len(speaking), dtype=bool)
    for span in spans:
        frames[round(span.start * 100) : round(span.end * 100)] = True
    assert not (speaking & ~frames).any(), "all speech is in some span"
    edges = [edge for span in spans for edge in (span.start, span.end)]
    assert not any(speaking[min(round(edge * 100), len(speaking) - 1)] for edge in edges), "no word is cut"
    assert np.median([span.seconds for span in spans]) < TARGET_SECONDS


@pytest.mark.parametrize("wave", [np.zeros(0, np.float32), np.zeros(48_000, np.float32)])
def test_silence_has_no_spans(wave: np.ndarray) -> None:
    assert segment(wave) == []


def test_a_whole_short_recording_is_one_span() -> None:
    assert times(segment(bursts([(0.0, 0.5)], 0.5))) == [(0.0, 0.5)]


def test_the_samples_of_a_span() -> None:
    wave = np.arange(SAMPLE_RATE, dtype=np.float32)
    assert Span(0.25, 0.5).seconds == 0.25
    np.testing.assert_array_equal(Span(0.25, 0.5).of(wave), wave[4_000:8_000])
    assert MARGIN_SECONDS < MIN_SECONDS


def talking(*pattern: float) -> np.ndarray:
    """Like `spoken`, but its level rises and falls four times a second, as that of syllables does."""
    wave = spoken(*pattern, noise_dbfs=-120.0)
    time = np.arange(len(wave)) / SAMPLE_RATE
    syllables = wave * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time))
    return (syllables + 10 ** (-60 / 20) * np.random.default_rng(1).standard_normal(len(wave))).astype(np.float32)


def test_a_hole_is_in_no_piece() -> None:
    found = times(pieces(talking(3.0, 40.0, 4.0)))
    assert np.array(found) == pytest.approx(np.array([(0.0, 4.5), (42.5, 48.0)]), abs=0.12)


@pytest.mark.parametrize("cut", [segment, pieces])
def test_a_speaker_far_from_the_microphone_is_not_taken_for_a_pause(cut: Callable[[np.ndarray], list[Span]]) -> None:
    close, far = talking(8.0, 0.4, 8.0), 0.01 * talking(8.0, 0.4, 8.0)  # -40 dB
    wave = np.concatenate([close, far, close])
    rng = np.random.default_rng(3)
    wave += (10 ** (-80 / 20) * rng.standard_normal(len(wave))).astype(np.float32)
    covered = sum(
        min(span.end, 2 * 17.4) - max(span.start, 17.4) for span in cut(wave) if span.end > 17.4 and span.start < 34.8
    )
    assert covered > 15.0


@pytest.mark.parametrize("dbfs", [-55.0, -30.0])
def test_steady_noise_has_no_piece(dbfs: float) -> None:
    rng = np.random.default_rng(0)
    noise = (10 ** (dbfs / 20) * rng.standard_normal(60 * SAMPLE_RATE)).astype(np.float32)
    assert pieces(noise) == []
    noise[30 * SAMPLE_RATE : 33 * SAMPLE_RATE] += talking(2.0)[: 3 * SAMPLE_RATE]
    (span,) = pieces(noise)
    assert span.start < 31 < span.end
