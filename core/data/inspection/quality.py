"""Sound quality of a recording, checked as soon as it is made: whether it is fit for training, and what to improve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.audio import activity, sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.text.metrics import score
from core.text.scoring import normalise

Severity = Literal["note", "warning", "error"]  # good to know; look at it; do not train on it

MIN_SPEECH_SECONDS = 0.15  # 3 % of the spoken digits of 6 speakers are shorter, but no sentence
MIN_SPEECH_SHARE = 0.25  # of the clip; over 99.9 % of the clips of five corpora have more, including isolated words
QUIET_DBFS = -45.0  # of the speech; ITU-T P.56's active level of telephone speech is nominally -26
CLIPPED_WARNING = 0.001  # share of samples at full scale: an undistorted recording has one or two in all, not 1 in 1000
CLIPPED_ERROR = 0.01  # 1 in 100: most vowels are clipped
NOISY_DB = 10.0  # below this, recognition degrades quickly (Radford et al. 2022, section 3.7, pub noise)
DROWNED_DB = 0.0  # the noise is as loud as the speech
# Scored against the prompt of another clip, 99 % of the transcripts of Whisper tiny.en are above this rate; against their
# own prompt, 1 % of 120 by native readers and 10 % of 150 by Mandarin-speaking readers, including children.
WRONG_SPEECH_CER = 0.6
MIN_NOISE_SECONDS = 0.1  # of pauses, needed to measure the noise
MUTED_DBFS = -90.0  # quieter pauses were made by a noise gate or an editor and say nothing about the noise


@dataclass(frozen=True)
class Measures:
    """Measurements of a recording's sound.

    Attributes:
        seconds: duration.
        speech_seconds: duration of the speech in it (see `core.audio.activity`).
        peak_dbfs: loudest sample in dB relative to full scale.
        speech_dbfs: root mean square of the speech alone, in dB relative to full scale.
        clipped: share of samples at full scale, 0 to 1.
        snr_db: signal-to-noise ratio of speech against pauses, in dB; None if the pauses are too short to measure it.
    """

    seconds: float
    speech_seconds: float
    peak_dbfs: float
    speech_dbfs: float
    clipped: float
    snr_db: float | None


@dataclass(frozen=True)
class Finding:
    """A problem of a recording.

    Attributes:
        kind: "no_speech", "too_short", "mostly_silent", "too_quiet", "clipped", "noisy" or "wrong_speech".
        severity: "warning": look at it; "error": do not train on it.
        value: the measured value: seconds, share, dB or error rate.
        limit: the threshold for the value, in the same unit.
    """

    kind: str
    severity: Severity
    value: float
    limit: float


def measure(wave: np.ndarray) -> Measures:
    """Measures a recording.

    The noise is measured in the pauses and assumed to continue during speech: with N the mean power of the pauses and S
    that of the speech frames, the ratio is (S - N) / N. In steady noise, this is accurate to 1 dB from 0 to 20 dB. The
    fluctuations of babble noise are taken for speech, and below 5 dB the ratio is about 3 dB too high.

    Args:
        wave: float32 [samples] at 16 kHz, full scale = 1; at least one sample.
    """
    levels = activity.levels(wave)
    speaking = activity.active(levels)
    power = 10 ** (levels / 10)
    speech = float(power[speaking].mean()) if speaking.any() else 0.0
    pauses = power[~speaking & (levels > MUTED_DBFS)]
    snr = None
    if speech and len(pauses) * activity.HOP_SECONDS >= MIN_NOISE_SECONDS:
        noise = float(pauses.mean())
        snr = _decibels(max(speech - noise, 0.0) / noise)
    loudness = sound_files.level(wave)
    return Measures(
        seconds=len(wave) / SAMPLE_RATE,
        speech_seconds=float(speaking.sum()) * activity.HOP_SECONDS,
        peak_dbfs=loudness.peak_dbfs,
        speech_dbfs=_decibels(speech),
        clipped=loudness.clipped,
        snr_db=snr,
    )


def check(measures: Measures) -> list[Finding]:
    """Returns the problems of a recording, errors first; empty if it is fit for training."""
    found = []
    if measures.speech_seconds == 0:
        found.append(Finding("no_speech", "error", 0.0, MIN_SPEECH_SECONDS))
    elif measures.speech_seconds < MIN_SPEECH_SECONDS:
        found.append(Finding("too_short", "warning", measures.speech_seconds, MIN_SPEECH_SECONDS))
    elif measures.speech_seconds < MIN_SPEECH_SHARE * measures.seconds:
        share = measures.speech_seconds / measures.seconds
        found.append(Finding("mostly_silent", "warning", share, MIN_SPEECH_SHARE))
    if measures.speech_dbfs < QUIET_DBFS:
        found.append(Finding("too_quiet", "warning", measures.speech_dbfs, QUIET_DBFS))
    if measures.clipped >= CLIPPED_ERROR:
        found.append(Finding("clipped", "error", measures.clipped, CLIPPED_ERROR))
    elif measures.clipped >= CLIPPED_WARNING:
        found.append(Finding("clipped", "warning", measures.clipped, CLIPPED_WARNING))
    if measures.snr_db is not None and measures.snr_db < DROWNED_DB:
        found.append(Finding("noisy", "error", measures.snr_db, DROWNED_DB))
    elif measures.snr_db is not None and measures.snr_db < NOISY_DB:
        found.append(Finding("noisy", "warning", measures.snr_db, NOISY_DB))
    return sorted(found, key=lambda finding: finding.severity != "error")


def check_speech(prompt: str, heard: str, language: str = "en") -> Finding | None:
    """Checks whether something other than the prompt may have been said.

    Use this only if the base knows the language: in a language it has not learnt, every transcript is far from its
    prompt. The result is never more than a warning, because the speaker knows best.

    Args:
        prompt: the text to read aloud.
        heard: the base's transcript.
        language: ISO 639-1 code.

    Returns:
        A warning if the normalised character error rate is above `WRONG_SPEECH_CER`; None otherwise, and if the prompt
        has no words.
    """
    if not normalise(prompt, language):
        return None
    distance = score([prompt], [heard], language).cer.rate
    return Finding("wrong_speech", "warning", distance, WRONG_SPEECH_CER) if distance > WRONG_SPEECH_CER else None


def _decibels(power: float) -> float:
    return float(10 * np.log10(max(power, 10 ** (activity.FLOOR_DBFS / 10))))
