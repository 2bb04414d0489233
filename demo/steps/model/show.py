"""Markup of step 1: model labels and download sizes."""

from __future__ import annotations

from core.models.catalogue import CATALOGUE
from core.models.loading import is_here
from demo.show.markup import fine
from demo.wording import Wording


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
        rows.append((w(f"model.choice.{state}", id=entry.id, mb=entry.megabytes), entry.id))
    return rows


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
