"""Robustness: base and adapted on the same held-out clips under harder conditions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.audio.augment.noise_and_rooms import FARTHEST_DB, make_noise, make_room
from core.audio.sound_files import SILENCE_DBFS, level
from core.data.clips.labelled_set import Clip, speakers_or_sentences
from core.text.metrics import Interval, Score, paired_interval, score
from core.text.scoring import RULES

NOISE_DB = (20, 15, 10, 5, 0)  # of the speech's active level over the noise
ROOM_RT60 = 0.6  # seconds until the sound has fallen by 60 dB: a classroom, where echo and voice are equally loud
CONDITIONS = ("recorded", *(f"noise_{db}" for db in NOISE_DB), "room", "telephone")

Transcribe = Callable[[Sequence[np.ndarray]], Sequence[str]]


@dataclass(frozen=True)
class Line:
    """One model under one condition.

    Attributes:
        wer: over all clips, as a share.
        low, high: its 95 % interval, not below 0; without width if no clip has an error, which proves less than it seems.
    """

    wer: float
    low: float
    high: float


@dataclass(frozen=True)
class ConditionResult:
    """Both models under one condition.

    Attributes:
        condition: one of `CONDITIONS`.
        base, adapted: their error rates.
        difference: adapted minus base on the same clips.
        clips: how many.
        rules: the version of the scoring rules, `core.text.scoring.RULES`; 1 from earlier versions.
    """

    condition: str
    base: Line
    adapted: Line
    difference: Interval
    clips: int
    rules: int = 1

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> ConditionResult:
        """Builds it from `to_json`'s dict."""
        base, adapted = (Line(**fields[model]) for model in ("base", "adapted"))
        return cls(
            fields["condition"], base, adapted, Interval(**fields["difference"]), fields["clips"], fields.get("rules", 1)
        )


def robustness(
    waves: Sequence[np.ndarray], clips: Sequence[Clip], base: Transcribe, adapted: Transcribe, language: str, seed: int = 0
) -> Iterator[ConditionResult]:
    """Transcribes held-out clips under one condition after another.

    Args:
        waves: float32 [samples] at 16 kHz.
        clips: with their reference texts.
        base, adapted: functions that transcribe waves.
        language: ISO 639-1 code, chooses the normalisation.
        seed: of noise and room; both models get exactly the same sound.

    Yields:
        A result for each of `CONDITIONS`, as soon as both models have transcribed the clips.
    """
    references = [clip.text for clip in clips]
    clusters, unit = speakers_or_sentences(clips, language)
    for condition in CONDITIONS:
        heard = [spoil(wave, condition, seed + i) for i, wave in enumerate(waves)]
        before, after = (score(references, transcribe(heard), language) for transcribe in (base, adapted))
        change = paired_interval(before.word_errors, after.word_errors, before.words, clusters, unit)
        yield ConditionResult(condition, _line(before, clusters), _line(after, clusters), change, len(clips), RULES)


def spoil(wave: np.ndarray, condition: str, seed: int = 0) -> np.ndarray:
    """Makes a clip harder to transcribe, with the tools that also vary training clips (`core.audio.augment.augmenter`).

    "noise_10" adds pink noise 10 dB below the speech's active level. "room" adds the reverberation of a classroom, always
    the same one. "telephone" simulates a telephone. Complete silence stays silent.

    Args:
        wave: float32 [samples] at 16 kHz.
        condition: one of `CONDITIONS`.
        seed: of the noise.

    Returns:
        float32 of the same length.
    """
    if condition == "recorded" or level(wave).peak_dbfs < SILENCE_DBFS:
        return wave
    import torch  # pages name conditions, and only a job measures under them

    from core.audio.augment.augmenter import in_noise, in_room, over_telephone

    sound = torch.tensor(wave)
    if condition == "room":
        spoilt = in_room(sound, torch.tensor(make_room(ROOM_RT60, np.random.default_rng(0), FARTHEST_DB)))
    elif condition == "telephone":
        spoilt = over_telephone(sound)
    else:
        noise = make_noise("pink", len(wave), np.random.default_rng(seed))
        spoilt = in_noise(sound, torch.tensor(noise), float(condition.removeprefix("noise_")))
    return spoilt.numpy()


def _line(result: Score, clusters: Sequence[str]) -> Line:
    wer = paired_interval([0] * len(result.words), result.word_errors, result.words, clusters)  # against no errors at all
    return Line(wer.difference, max(0.0, wer.low), wer.high)
