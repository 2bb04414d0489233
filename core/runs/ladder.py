"""The data ladder: the same fine-tune with 5, 10, 20, 40 ... clips, the learning curve, and its extrapolation."""

from __future__ import annotations

import dataclasses
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.data.clips.labelled_set import Clip
from core.runs.limits import MIN_REPEATS
from core.runs.request import Request
from core.runs.run_folder import Run
from core.text.metrics import CONFIDENCE, student_quantile
from core.training.recipe import MAX_EPOCHS

FIRST_RUNG = 5  # clips
MIN_SIZES = 4  # a curve of three parameters passes through any three points
MIN_EXPLAINED = 0.8  # minimum share of the variance between sizes that a curve must explain
FURTHEST = 10  # times the largest size; beyond it an extrapolation is a guess
DRAWS = 400
EXPONENTS = np.geomspace(0.05, 2.5, 60)  # of the power law; Hestness et al. find 0.07 to 0.35 with a lot of data
HUBER = 1.345  # residuals beyond this many scales get less weight (Huber 1964; 95 % efficient for normal residuals)
REWEIGHTINGS = 10


@dataclass(frozen=True)
class Rung:
    """One fine-tune of the ladder.

    Attributes:
        clips: number of training clips.
        repeat: number of the repeat, from 0; each uses different clips.
        request: the run to execute.
    """

    clips: int
    repeat: int
    request: Request


@dataclass(frozen=True)
class RungResult:
    """The result of one fine-tune of the ladder.

    Attributes:
        clips: number of training clips.
        repeat: the repeat it belongs to; any number that identifies it, such as the seed.
        wer: WER of the adapted model on the held-out clips, as a share.
    """

    clips: int
    repeat: int
    wer: float


@dataclass(frozen=True)
class Size:
    """The fine-tunes of one size.

    Attributes:
        clips: number of training clips.
        wer: mean WER over the repeats.
        low, high: its 95 % interval over the repeats, not below 0; None for a single repeat.
        repeats: number of repeats.
    """

    clips: int
    wer: float
    low: float | None
    high: float | None
    repeats: int


@dataclass(frozen=True)
class ClipsNeeded:
    """An answer to "how many clips would it take?".

    Attributes:
        wer: the error rate in question.
        clips: total number of training clips, rounded up; None if the curve gives no answer.
        low, high: its 95 % interval; `high` is None if unbounded, as the curve may level off above that rate.
        refusal: "" or why there is no answer: the curve's own refusal, "below_floor" (the curve levels off above that
            rate) or "too_far" (more than ten times the largest measured size).
    """

    wer: float
    clips: int | None = None
    low: int | None = None
    high: int | None = None
    refusal: str = ""


@dataclass(frozen=True)
class Curve:
    """The learning curve error = floor + scale * clips ** -exponent, fitted to the sizes.

    Attributes:
        sizes: the measured sizes, smallest first.
        floor, scale, exponent: parameters of the curve; 0 if it was refused.
        refusal: "" or why there is no curve: "too_few_sizes", "too_few_repeats", "not_falling" (no significant
            improvement with more clips) or "poor_fit".
        draws: the three parameters for every bootstrap draw, float64 [draws, 3].
    """

    sizes: tuple[Size, ...]
    floor: float = 0.0
    scale: float = 0.0
    exponent: float = 0.0
    refusal: str = ""
    draws: np.ndarray = dataclasses.field(default_factory=lambda: np.empty((0, 3)), compare=False, repr=False)

    def at(self, clips: float) -> tuple[float, float, float]:
        """Returns the error rate predicted for a number of clips, and its 95 % interval over the draws."""
        floor, scale, exponent = self.draws.T
        low, high = np.quantile(floor + scale * clips**-exponent, _ENDS)
        return self.floor + self.scale * clips**-self.exponent, float(low), float(high)

    def clips_for(self, wer: float) -> ClipsNeeded:
        """Returns how many training clips an error rate would take; rates below the floor are out of reach."""
        if self.refusal:
            return ClipsNeeded(wer, refusal=self.refusal)
        needed = _clips_for(wer, np.array([[self.floor, self.scale, self.exponent]]))[0]
        if not math.isfinite(needed):
            return ClipsNeeded(wer, refusal="below_floor")
        if needed > FURTHEST * self.sizes[-1].clips:
            return ClipsNeeded(wer, refusal="too_far")
        # Not interpolated, because interpolation with infinity is meaningless.
        low, high = np.quantile(_clips_for(wer, self.draws), _ENDS, method="nearest")
        return ClipsNeeded(wer, math.ceil(needed), math.floor(low), math.ceil(high) if math.isfinite(high) else None)

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict, without the draws."""
        kept = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name != "draws"}
        return {**kept, "sizes": [dataclasses.asdict(size) for size in self.sizes]}


_ENDS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def sizes_up_to(clips: int) -> list[int]:
    """Returns 5, 10, 20, 40 ... and finally the total number of clips."""
    sizes = []
    size = FIRST_RUNG
    while size < clips:
        sizes.append(size)
        size *= 2
    return [*sizes, clips] if clips else []


def in_turn(clips: Sequence[Clip], seed: int, closed: bool = False) -> list[Clip]:
    """Returns the clips in a random order in which every prefix of the list is balanced over speakers.

    Args:
        clips: the training clips.
        seed: seed of the order.
        closed: whether the texts are a closed set of words; the list is then balanced over texts instead.
    """
    rng = np.random.default_rng(seed)
    members: dict[str, list[Clip]] = defaultdict(list)
    for i in rng.permutation(len(clips)):
        members[clips[i].text if closed else clips[i].speaker].append(clips[i])
    ranked = [(turn, order, clip) for order, mine in enumerate(members.values()) for turn, clip in enumerate(mine)]
    return [clip for _, _, clip in sorted(ranked, key=lambda entry: entry[:2])]


def ladder(request: Request, sizes: Sequence[int] = (), repeats: int = MIN_REPEATS) -> list[Rung]:
    """Returns the fine-tunes of a ladder, smallest first.

    Within a repeat, every size includes the clips of the smaller ones. All use the same validation, test and canary
    clips. Smaller sizes get more epochs, up to `MAX_EPOCHS`, so that each fine-tune processes about as many clips as
    `request` would: the fine-tunes differ in their data, not in the length of training.

    Args:
        request: the fine-tune with all of its training clips.
        sizes: numbers of training clips; by default those of `sizes_up_to`. Sizes above the number of clips are skipped.
        repeats: number of fine-tunes of each size, each with different clips and a different seed.
    """
    labelled, recipe = request.labelled_set, request.recipe
    train = labelled.part("train")
    rest = tuple(clip for clip in labelled.clips if clip.part != "train")
    chosen = sorted({size for size in sizes or sizes_up_to(len(train)) if 0 < size <= len(train)})
    rungs = []
    for size in chosen:
        epochs = min(MAX_EPOCHS, math.ceil(recipe.epochs * len(train) / size))
        for repeat in range(repeats):
            taken = in_turn(train, request.seed + repeat, recipe.task == "classify")[:size]
            smaller = dataclasses.replace(labelled, clips=(*taken, *rest))
            changed = dataclasses.replace(
                request,
                labelled_set=smaller,
                own=(),
                recipe=dataclasses.replace(recipe, epochs=max(recipe.epochs, epochs)),
                seed=request.seed + repeat,
            )
            rungs.append(Rung(size, repeat, changed))
    return rungs


def measured(runs: Sequence[Run]) -> list[RungResult]:
    """Reads the results of the finished fine-tunes of a ladder; skips the others."""
    found = []
    for run in runs:
        result, request = run.result(), run.request()
        if result is not None and result.test:
            clips = len(request.labelled_set.part("train"))
            found.append(RungResult(clips, request.seed, result.test.adapted.wer))
    return found


def learning_curve(rows: Sequence[RungResult], seed: int = 0) -> Curve:
    """Fits error = floor + scale * clips ** -exponent (Hestness et al. 2017, arXiv 1712.00409).

    For every exponent of a grid, floor and scale (neither below 0) are fitted by iteratively reweighted least squares
    with Huber's weights, which are robust to a single failed run; the exponent with the smallest Huber loss is kept. The
    bootstrap draws whole repeats, because the sizes of a repeat share clips, and scales their deviations from the mean by
    `_widening`. The intervals cover the choice of training clips, not of test clips.

    Args:
        rows: results of the finished fine-tunes of one ladder.
        seed: seed of the bootstrap.
    """
    by_size: dict[int, dict[int, float]] = defaultdict(dict)
    for row in rows:
        by_size[row.clips][row.repeat] = row.wer
    sizes = tuple(_size(clips, list(found.values())) for clips, found in sorted(by_size.items()))
    if len(sizes) < MIN_SIZES:
        return Curve(sizes, refusal="too_few_sizes")
    whole = sorted(set.intersection(*(set(found) for found in by_size.values())))
    if len(whole) < MIN_REPEATS:
        return Curve(sizes, refusal="too_few_repeats")
    clips = np.array([size.clips for size in sizes], float)
    wers = np.array([[by_size[size.clips][repeat] for repeat in whole] for size in sizes])  # [sizes, repeats]
    means = wers.mean(axis=1, keepdims=True)
    wider = means + (wers - means) * _widening(len(whole))
    drawn = np.random.default_rng(seed).integers(len(whole), size=(DRAWS, len(whole)))
    again = np.moveaxis(wider[:, drawn], 0, 1)  # [draws, sizes, repeats]
    slopes = again.mean(axis=2) @ (np.log(clips) - np.log(clips).mean())
    if np.quantile(slopes, _ENDS[1]) >= 0:
        return Curve(sizes, refusal="not_falling")
    floor, scale, exponent = _fit(clips, wers[None])[0].tolist()
    middles = np.median(wers, axis=1)  # medians, because they are robust to a single failed run
    missed = middles - (floor + scale * clips**-exponent)
    if np.sum(missed**2) > (1 - MIN_EXPLAINED) * np.sum((middles - middles.mean()) ** 2):
        return Curve(sizes, refusal="poor_fit")
    return Curve(sizes, floor, scale, exponent, draws=_fit(clips, again))


def _widening(repeats: int) -> float:
    """Returns the factor for deviations from the mean, which corrects for the low spread of a few repeats.

    The factor is sqrt(r / (r - 1)) times the ratio of Student's to the normal quantile, as in
    `core.text.metrics.paired_interval`. In 100 simulated ladders each with 3, 4 and 6 repeats, the interval of
    `Curve.clips_for` then contained the true value in 95 to 100 %, and without the quantiles in 82 to 99 %.
    """
    quantiles = student_quantile(_ENDS[1], repeats - 1) / student_quantile(_ENDS[1], 10**6)
    return math.sqrt(repeats / (repeats - 1)) * quantiles


def _size(clips: int, wers: list[float]) -> Size:
    mean = float(np.mean(wers))
    if len(wers) < 2:
        return Size(clips, mean, None, None, len(wers))
    reach = student_quantile(_ENDS[1], len(wers) - 1) * float(np.std(wers, ddof=1)) / math.sqrt(len(wers))
    return Size(clips, mean, max(0.0, mean - reach), mean + reach, len(wers))


def _fit(clips: np.ndarray, wers: np.ndarray) -> np.ndarray:
    """Returns floor, scale and exponent, [draws, 3], for error rates [draws, sizes, repeats]."""
    rates = wers.reshape(len(wers), 1, -1)  # [draws, 1, runs]
    powers = np.repeat(clips, wers.shape[2]) ** -EXPONENTS[:, None]  # [exponents, runs]
    weights = np.ones((len(wers), *powers.shape))
    for _ in range(REWEIGHTINGS):
        share = weights / weights.sum(axis=-1, keepdims=True)
        x, y = (share * powers).sum(axis=-1, keepdims=True), (share * rates).sum(axis=-1, keepdims=True)
        scale = (share * (powers - x) * (rates - y)).sum(axis=-1) / (share * (powers - x) ** 2).sum(axis=-1)
        scale = np.maximum(scale, 0.0)
        floor = y[..., 0] - scale * x[..., 0]
        through_zero = (share * powers * rates).sum(axis=-1) / (share * powers**2).sum(axis=-1)
        scale, floor = np.where(floor < 0, through_zero, scale), np.maximum(floor, 0.0)
        missed = np.abs(rates - floor[..., None] - scale[..., None] * powers)
        limit = HUBER * np.maximum(1.4826 * np.median(missed, axis=-1, keepdims=True), 1e-4)  # scale estimated from the median
        weights = np.minimum(1.0, limit / np.maximum(missed, 1e-12))
    tightest = limit.min(axis=1, keepdims=True)  # one limit for all exponents of a draw
    loss = np.where(missed <= tightest, missed**2 / 2, tightest * (missed - tightest / 2)).sum(axis=-1)
    best = loss.argmin(axis=1)
    rows = np.arange(len(wers))
    return np.stack([floor[rows, best], scale[rows, best], EXPONENTS[best]], axis=1)


def _clips_for(wer: float, curves: np.ndarray) -> np.ndarray:
    """Returns the number of clips at which curves [curves, 3] reach an error rate; infinite if they never do."""
    floor, scale, exponent = curves.T
    above = wer - floor
    with np.errstate(over="ignore"):
        return np.where(above > 0, (scale / np.where(above > 0, above, 1.0)) ** (1 / exponent), np.inf)
