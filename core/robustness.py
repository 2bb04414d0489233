"""The same held-out clips made harder to hear: how far base and adapted each stand it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torchaudio import functional

from core.audio import SAMPLE_RATE
from core.dataset import Clip, speakers_or_sentences
from core.metrics import Interval, Score, paired_interval, score

NOISE_DB = (20, 15, 10, 5, 0)  # signal-to-noise ratios
PINK_FROM = 50.0  # Hz; what lies below would count as noise and not be heard
ROOM_SECONDS = 0.6  # until the room's echo has fallen by 60 dB: a classroom
ROOM_ECHO = 1.0  # energy of the echo by that of the direct sound
TELEPHONE_RATE = 8_000  # Hz; band and companding as in ITU-T G.712 and G.711
TELEPHONE_BAND = (300.0, 3_400.0)  # Hz
CONDITIONS = ("recorded", *(f"noise_{db}" for db in NOISE_DB), "room", "telephone")

Read = Callable[[Sequence[np.ndarray]], Sequence[str]]


@dataclass(frozen=True)
class Line:
    """One model under one condition.

    Attributes:
        wer: over all clips, as a share.
        low, high: its 95 % interval, not below 0; without width where no clip has an error, which says less than it looks.
    """

    wer: float
    low: float
    high: float


@dataclass(frozen=True)
class Point:
    """Both models under one condition.

    Attributes:
        condition: one of `CONDITIONS`.
        base, adapted: their error rates.
        difference: adapted minus base on the same clips.
        clips: how many.
    """

    condition: str
    base: Line
    adapted: Line
    difference: Interval
    clips: int

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return dataclasses.asdict(self)


def robustness(
    waves: Sequence[np.ndarray], clips: Sequence[Clip], base: Read, adapted: Read, language: str, seed: int = 0
) -> Iterator[Point]:
    """Reads held-out clips under one condition after another.

    Args:
        waves: float32 [samples] at 16 kHz.
        clips: what was said in them.
        base, adapted: turn waves into transcripts.
        language: ISO 639-1 code, chooses the normalisation.
        seed: of noise and room; both models hear exactly the same.

    Yields:
        A point for each of `CONDITIONS`, as soon as both models have read the clips.
    """
    references = [clip.text for clip in clips]
    clusters, unit = speakers_or_sentences(clips, language)
    for condition in CONDITIONS:
        heard = [spoil(wave, condition, seed + i) for i, wave in enumerate(waves)]
        before, after = (score(references, read(heard), language) for read in (base, adapted))
        change = paired_interval(before.word_errors, after.word_errors, before.words, clusters, unit)
        yield Point(condition, _line(before, clusters), _line(after, clusters), change, len(clips))


def spoil(wave: np.ndarray, condition: str, seed: int = 0) -> np.ndarray:
    """Makes a clip harder to hear.

    "noise_10" adds pink noise 10 dB below the clip's own level. "room" convolves it with a decaying noise, the late
    echo of a room (Polack 1988), always the same one. "telephone" keeps 300 to 3,400 Hz at 8 kHz and 8 bits of mu-law.

    Args:
        wave: float32 [samples] at 16 kHz.
        condition: one of `CONDITIONS`.
        seed: of the noise.

    Returns:
        float32 of the same length.
    """
    sound = torch.from_numpy(wave)
    if condition.startswith("noise_"):
        noise = torch.from_numpy(_pink(len(wave), seed))
        spoilt = functional.add_noise(sound, noise, torch.tensor(float(condition.removeprefix("noise_"))))
    elif condition == "room":
        echo = functional.fftconvolve(sound, torch.from_numpy(_room()))[: len(wave)]
        spoilt = echo * (sound.norm() / echo.norm().clamp(min=1e-8))
    elif condition == "telephone":
        narrow = functional.resample(sound, SAMPLE_RATE, TELEPHONE_RATE)
        low, high = TELEPHONE_BAND
        narrow = functional.lowpass_biquad(functional.highpass_biquad(narrow, TELEPHONE_RATE, low), TELEPHONE_RATE, high)
        coded = functional.mu_law_decoding(functional.mu_law_encoding(narrow.clamp(-1, 1), 256), 256)
        spoilt = functional.resample(coded, TELEPHONE_RATE, SAMPLE_RATE)[: len(wave)]
    else:
        spoilt = sound
    return spoilt.numpy().astype(np.float32)


def _line(result: Score, clusters: Sequence[str]) -> Line:
    wer = paired_interval([0] * len(result.words), result.word_errors, result.words, clusters)  # against no errors at all
    return Line(wer.difference, max(0.0, wer.low), wer.high)


def _pink(samples: int, seed: int) -> np.ndarray:
    """Noise whose power falls by 3 dB an octave from 50 Hz on, as that of many rooms does: float32 [samples]."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    hertz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE)
    shape = np.where(hertz < PINK_FROM, 0.0, 1 / np.sqrt(np.maximum(hertz, PINK_FROM)))
    return np.fft.irfft(spectrum * shape, samples).astype(np.float32)


def _room() -> np.ndarray:
    time = np.arange(int(ROOM_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    echo = np.random.default_rng(0).standard_normal(len(time)) * 10 ** (-3 * time / ROOM_SECONDS)  # -60 dB at the end
    echo *= np.sqrt(ROOM_ECHO / np.sum(echo**2))
    echo[0] = 1.0
    return echo.astype(np.float32)
