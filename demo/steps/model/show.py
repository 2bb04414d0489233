"""Markup of step 1: model labels and download sizes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from core.models.catalogue import CATALOGUE
from core.models.loading import is_here
from demo.show.languages import entry_writes, writes, writes_all
from demo.show.markup import fine
from demo.wording import Wording

MAX_SHOWN = 60  # characters of an alphabet


def model_choices(w: Wording) -> list[tuple[str, str]]:
    """Returns the models as (label, id); the label says whether the model is ready or must be downloaded first."""
    rows = []
    for entry in CATALOGUE:
        if is_here(entry.id):
            state = "ready"
        elif entry.bundle is not None:
            state = "package"
        else:
            state = "both" if entry.requirement else "download"
        label = w(f"model.choice.{state}", id=entry.id, writes=entry_writes(entry, w), mb=entry.megabytes)
        rows.append((label, entry.id))
    return rows


def what_it_writes(id: str, languages: Sequence[str], characters: Collection[str] | None, w: Wording) -> str:
    """Says which languages a loaded model writes, and in which characters.

    Args:
        id: of the model.
        languages: that the model reports, as ISO 639-1 codes.
        characters: of its alphabet; None if it can write any.
        w: the page's wording.
    """
    said = writes(id, w) or writes_all(languages, w)
    sentences = [w("writes.it", writes=said)] if said else []
    if characters is not None and len(characters) <= MAX_SHOWN:
        sentences.append(w("writes.alphabet", characters=" ".join(sorted(characters))))
    elif characters is not None:
        sentences.append(w("writes.alphabet_size", count=len(characters)))
    return w.joined(*sentences)


def download(
    id: str,
    megabytes: float,
    finetune_gigabytes: float,
    free: float,
    w: Wording,
    server: str = "",
    requirement: str = "",
) -> str:
    """Describes the cost of using a model that is not on this computer; without a server, it comes from the hub."""
    needs = [w("model.about.download", id=id, mb=f"{megabytes:.0f}", server=server or w("model.hub"))]
    if requirement:
        needs.append(w("model.about.also", package=requirement))
    needs.append(w("model.memory", gb=f"{finetune_gigabytes:.1f}"))
    needs.append(w("model.free", gb=f"{free / 1e9:.1f}"))
    return fine(" ".join(needs))
