"""One clip read by several models: which one should I pick?"""

from __future__ import annotations

from dataclasses import dataclass

from core.models.catalogue import CATALOGUE
from core.models.loading import is_here
from core.text.metrics import Score, score


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


def trial(id: str, parameters: int, text: str, seconds: float, reference: str = "", language: str = "en") -> Trial:
    """Scores what a model wrote; `reference` is what was said, or "", and the language's ISO 639-1 code says how it counts."""
    return Trial(id, parameters, text, seconds, score([reference], [text], language) if reference else None)
