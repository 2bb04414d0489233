"""One clip read by several models: which one should I pick?"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from core.metrics import Score, score
from core.models.base import AsrModel
from core.models.catalogue import CATALOGUE, is_here


@dataclass(frozen=True)
class Trial:
    """What one model made of a clip.

    Attributes:
        id: the model.
        parameters: how many it has.
        text: what it wrote.
        seconds: it took, loading excluded.
        score: against the reference, or None without one.
    """

    id: str
    parameters: int
    text: str
    seconds: float
    score: Score | None


def ready_models(*also: str) -> list[str]:
    """Returns the catalogue's models that need no network, and the others named, each once."""
    return list(dict.fromkeys([*also, *(entry.id for entry in CATALOGUE if is_here(entry.id))]))


def try_model(model: AsrModel, wave: np.ndarray, reference: str = "", language: str = "en") -> Trial:
    """Reads a clip with a model.

    Args:
        model: the model.
        wave: float32 [samples] at 16 kHz.
        reference: what was said, or "".
        language: ISO 639-1 code, chooses the normalisation.
    """
    begun = time.perf_counter()
    text = model.transcribe([wave])[0].text
    seconds = time.perf_counter() - begun
    parameters = sum(p.numel() for p in model.network.parameters())
    return Trial(model.id, parameters, text, seconds, score([reference], [text], language) if reference else None)
