"""Transcribes sound that is too long for a model: cut at its pauses, transcribed as short clips, joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from core.audio.segmentation import pieces
from core.audio.sound_files import SAMPLE_RATE
from core.models.base.protocol import Pause, Transcript
from core.text.scoring import clean
from core.text.scripts import space_between


def is_long(wave: np.ndarray, longest: float) -> bool:
    """Whether a wave, float32 [samples] at 16 kHz, is longer than so many seconds."""
    return len(wave) > longest * SAMPLE_RATE


def by_pieces(wave: np.ndarray, transcribe: Callable[[Sequence[np.ndarray]], list[Transcript]], language: str) -> Transcript:
    """Transcribes a long recording piece by piece.

    Args:
        wave: float32 [samples] at 16 kHz.
        transcribe: transcribes the pieces, each float32 [samples].
        language: ISO 639-1 code of the speech; "" if unknown.

    Returns:
        The pieces' texts in order of time, their mean confidence weighted by duration, and the language of the longest piece.
        An empty text if the recording has no speech.
    """
    spans = pieces(wave)
    if not spans:
        return Transcript("", 0.0, language=language)
    parts = transcribe([span.of(wave) for span in spans])
    seconds = [span.seconds for span in spans]
    heard = parts[int(np.argmax(seconds))].language
    return Transcript(
        clean(space_between(heard or language).join(part.text for part in parts if part.text)),
        float(np.average([part.confidence for part in parts], weights=seconds)),
        any(part.guarded for part in parts),
        heard,
    )


def one_by_one(
    waves: Sequence[np.ndarray], longest: float, transcribe: Callable[[np.ndarray], Transcript], language: str, pause: Pause
) -> list[Transcript]:
    """Transcribes recordings, the long ones by pieces, where a model takes one clip at a time.

    Args:
        waves: float32 [samples] at 16 kHz.
        longest: that the model takes, in seconds.
        transcribe: transcribes one clip or piece.
        language: as in `by_pieces`.
        pause: called after every clip and every piece.
    """

    def short(clips: Sequence[np.ndarray]) -> list[Transcript]:
        written = []
        for clip in clips:
            written.append(transcribe(clip))
            pause()
        return written

    return [by_pieces(w, short, language) if is_long(w, longest) else short([w])[0] for w in waves]
