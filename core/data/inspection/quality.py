"""One recording, checked as soon as it is made: whether a model can learn from it, and what to do better next time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from core.audio import activity, sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.text.metrics import score
from core.text.scoring import normalise

Severity = Literal["note", "warning", "error"]  # good to know; look at it; do not learn from it

MIN_SPEECH_SECONDS = 0.15  # 3 % of the spoken digits of 6 speakers are shorter, no sentence is
MIN_SPEECH_SHARE = 0.25  # of the clip; over 99.9 % of the clips of five corpora have more, isolated words among them
QUIET_DBFS = -45.0  # of the speech; ITU-T P.56's active level of telephone speech is nominally -26
CLIPPED_WARNING = 0.001  # of the samples at full scale: an undistorted recording has one or two of them, not one in 1000
CLIPPED_ERROR = 0.01  # one in 100: most vowels are cut flat
NOISY_DB = 10.0  # below it recognition degrades quickly (Radford et al. 2022, section 3.7, pub noise)
DROWNED_DB = 0.0  # the noise is as loud as the speech
# Of the transcripts of Whisper tiny.en against the prompt of another clip, 99 % lie above it; against their own, 1 % of
# 120 native readers' and 10 % of 150 of Mandarin-speaking readers', children among them.
WRONG_SPEECH_CER = 0.6
MIN_NOISE_SECONDS = 0.1  # of pauses, to tell the noise from
MUTED_DBFS = -90.0  # quieter pauses were put there by a noise gate or an editor and say nothing of the noise


@dataclass(frozen=True)
class Measures:
    """What a recording sounds like.

    Attributes:
        seconds: duration.
        speech_seconds: of it, with someone speaking (see `core.audio.activity`).
        peak_dbfs: loudest sample in dB relative to full scale.
        speech_dbfs: root mean square of the speech alone, in dB relative to full scale.
        clipped: share of samples at full scale, 0 to 1.
        snr_db: signal-to-noise ratio, speech against pauses, in dB; None where there are no pauses to tell it from.
    """

    seconds: float
    speech_seconds: float
    peak_dbfs: float
    speech_dbfs: float
    clipped: float
    snr_db: float | None


@dataclass(frozen=True)
class Finding:
    """Something wrong with a recording.

    Attributes:
        kind: "no_speech", "too_short", "mostly_silent", "too_quiet", "clipped", "noisy" or "wrong_speech".
        severity: "warning": look at it; "error": do not learn from it.
        value: what was measured: seconds, share, dB or error rate.
        limit: what it was measured against, in the same unit.
    """

    kind: str
    severity: Severity
    value: float
    limit: float


def measure(wave: np.ndarray) -> Measures:
    """Measures a recording.

    The noise is taken from the pauses and assumed to go on under the speech: with N the mean power of the pauses and S
    that of the speech frames, the ratio is (S - N) / N. In steady noise that is within 1 dB from 0 to 20 dB; a murmuring
    crowd's rises and falls pass for speech, and below 5 dB it reads some 3 dB too well.

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
    """Returns what is wrong with a recording, the worst first; nothing where it is fit to learn from."""
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
    """Suspects that something else was said than was asked for.

    Ask this only where the base knows the language: in one that it has not learnt, every transcript is far from its
    prompt. It stays a warning for the person who spoke, who knows better.

    Args:
        prompt: what was to be read aloud.
        heard: the base's transcript.
        language: ISO 639-1 code.

    Returns:
        A warning where the normalised character error rate is above `WRONG_SPEECH_CER`, None otherwise and where the
        prompt has no words.
    """
    if not normalise(prompt, language):
        return None
    distance = score([prompt], [heard], language).cer.rate
    return Finding("wrong_speech", "warning", distance, WRONG_SPEECH_CER) if distance > WRONG_SPEECH_CER else None


def _decibels(power: float) -> float:
    return float(10 * np.log10(max(power, 10 ** (activity.FLOOR_DBFS / 10))))
