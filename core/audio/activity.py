"""Detects speech in a recording by energy alone."""

from __future__ import annotations

import numpy as np

from core.audio.sound_files import SAMPLE_RATE

HOP_SECONDS = 0.01  # a frame is two: long enough for a pitch period, short enough for a stop consonant
HOP_SAMPLES = round(HOP_SECONDS * SAMPLE_RATE)
FLOOR_DBFS = -100.0  # below the rounding of 16 bits: digital silence
NOISE_PERCENTILE = 10  # of the frames' levels; nearly every recording has this much pause
SPEECH_PERCENTILE = 95  # the vowels; above them are clicks
THRESHOLD_SHARE = 0.3  # of the way from noise to vowels, in dB
DEEPEST_DB = 35.0  # below the vowels; weak consonants are some 30 dB below them (Fant 1960), digital silence far below
LONGEST_CLOSURE_SECONDS = 0.15  # a stop consonant's silence belongs to its word
SHORTEST_SPEECH_SECONDS = 0.05  # shorter is a click


def levels(wave: np.ndarray) -> np.ndarray:
    """Returns the level of every frame.

    Args:
        wave: float32 [samples] at 16 kHz, full scale = 1.

    Returns:
        float64 [frames], root mean square over 20 ms in dB relative to full scale, one every 10 ms; the samples left over
        at the end make a shorter frame.
    """
    hops = -(-len(wave) // HOP_SAMPLES)
    padded = np.zeros(hops * HOP_SAMPLES, dtype=np.float32)
    padded[: len(wave)] = wave
    energy = np.square(padded, out=padded).reshape(hops, HOP_SAMPLES).sum(axis=1, dtype=np.float64)
    samples = np.full(hops, HOP_SAMPLES)
    samples[-1:] = len(wave) - (hops - 1) * HOP_SAMPLES
    energy, samples = (values + np.append(values[1:], 0) for values in (energy, samples))
    return 10 * np.log10(np.maximum(energy / np.maximum(samples, 1), 10 ** (FLOOR_DBFS / 10)))


def active(frame_levels: np.ndarray) -> np.ndarray:
    """Separates frames of speech from pauses.

    A frame is speech if it is above a threshold 30 % of the way from the noise (10th percentile of the levels) to the
    vowels (95th percentile), and at most 35 dB below the vowels. Then gaps of up to 0.15 s are closed and stretches
    shorter than 0.05 s are dropped. Unlike a threshold relative to the peak, this one follows the noise. Like every energy
    detector, it takes any sound that stands out for speech, and finds nothing where nothing stands out.

    Args:
        frame_levels: float [frames], in dB, as `levels` returns them.

    Returns:
        bool [frames].
    """
    if not len(frame_levels):
        return np.zeros(0, dtype=bool)
    noise, speech = np.percentile(frame_levels, [NOISE_PERCENTILE, SPEECH_PERCENTILE])
    threshold = max(noise + THRESHOLD_SHARE * (speech - noise), speech - DEEPEST_DB)
    speaking = (frame_levels >= threshold) & (frame_levels > FLOOR_DBFS)
    for start, end in runs(~speaking):
        if (end - start) * HOP_SECONDS <= LONGEST_CLOSURE_SECONDS and start > 0 and end < len(speaking):
            speaking[start:end] = True
    for start, end in runs(speaking):
        if (end - start) * HOP_SECONDS < SHORTEST_SPEECH_SECONDS:
            speaking[start:end] = False
    return speaking


def runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Returns where bool [frames] is True, as (first, one past the last) of each stretch."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]
