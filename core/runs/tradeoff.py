"""The trade-off between adaptation and forgetting, one point per run."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import AttuneError
from core.runs.run_folder import Run
from core.training.recipe import Recipe


@dataclass(frozen=True)
class Point:
    """One run, or the base.

    Attributes:
        run: id of the run; "" for the base.
        target, canary: WER on the held-out clips of the set, and on general speech.
        recipe: recipe of the run; None for the base.
        curve: number shared by runs that differ only in lambda; -1 if there is no other such run.
    """

    run: str
    target: float
    canary: float
    recipe: Recipe | None
    curve: int = -1


def points(runs: Sequence[Run], like: Run) -> list[Point]:
    """Returns the base and all finished runs with the same model, held-out clips and canary as `like`.

    Args:
        runs: the runs to choose from, oldest first; the result has the same order.
        like: a finished run; only runs scored on the same clips can be compared.
    """
    reference = like.result()
    if reference is None or reference.test is None or reference.canary is None:
        return []
    scored = _scored(like)
    found: list[Point] = []
    seeds: list[int] = []
    for run in runs:
        try:
            result = run.result()
            if result is None or result.model != reference.model or _scored(run) != scored:
                continue
        except AttuneError:  # damaged
            continue
        if result.test and result.canary:
            found.append(Point(run.id, result.test.adapted.wer, result.canary.adapted.wer, result.recipe))
            seeds.append(result.seed)
    alike: dict[tuple[Recipe, int], list[int]] = {}
    for i, point in enumerate(found):
        assert point.recipe is not None, "only the base has none"
        alike.setdefault((dataclasses.replace(point.recipe, l2_sp=0.0), seeds[i]), []).append(i)
    curves = [members for members in alike.values() if len({_strength(found[i]) for i in members}) > 1]
    for number, members in enumerate(curves):
        for i in members:
            found[i] = dataclasses.replace(found[i], curve=number)
    base = Point("", reference.test.base.wer, reference.canary.base.wer, None)
    return [base, *found]


def _strength(point: Point) -> float:
    return point.recipe.l2_sp if point.recipe else 0.0


def _scored(run: Run) -> list[list[str]]:
    return [sorted(clip.id for clip in run.compared_clips(group)) for group in ("test", "canary")]
