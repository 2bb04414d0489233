"""One clip transcribed by several models, to help choose one."""

from __future__ import annotations

from dataclasses import dataclass

from core.models.catalogue import CATALOGUE
from core.models.loading import is_here
from core.text.metrics import Score, score


@dataclass(frozen=True)
class Trial:
    """One model's transcript of a clip.

    Attributes:
        id: the model.
        parameters: number of parameters.
        text: what it wrote.
        seconds: computing time, excluding loading.
        score: against the reference, or None without one.
    """

    id: str
    parameters: int
    text: str
    seconds: float
    score: Score | None


def ready_models(*also: str) -> list[str]:
    """Returns the catalogue's models that need no network, plus the ones given, each once."""
    return list(dict.fromkeys([*also, *(entry.id for entry in CATALOGUE if is_here(entry.id))]))


def trial(id: str, parameters: int, text: str, seconds: float, reference: str = "", language: str = "en") -> Trial:
    """Scores a transcript against `reference` ("" if unknown), normalised by the rules of `language`, an ISO 639-1 code."""
    return Trial(id, parameters, text, seconds, score([reference], [text], language) if reference else None)
