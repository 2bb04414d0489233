"""Side-by-side comparison of several runs on the same test clips."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.data.clips.labelled_set import speakers_or_sentences
from core.errors import RunError
from core.evaluation.compare import Comparison, Verdict, judge
from core.runs.outcome import Outcome
from core.runs.run_folder import Run
from core.runs.run_name import read_name
from core.text.metrics import Interval, paired_interval


@dataclass(frozen=True)
class LineUpRow:
    """One run of a line-up.

    Attributes:
        run: id of the run.
        name: that a person gave it; "" for none.
        model: id of the base.
        clips: number of training clips of the set.
        seed: seed of the run.
        recipe: only the settings in which the runs differ.
        base, adapted: WER on the test clips, as shares.
        cer: CER of the adapted model.
        against_first: difference of the adapted models' WER on the same clips, this run minus the first; its p-value has
            Holm's correction for the number of runs (Holm 1979). None for the first run.
        verdict: conclusion from `against_first`; "" for the first run.
    """

    run: str
    name: str
    model: str
    clips: int
    seed: int
    recipe: dict[str, Any]
    base: float
    adapted: float
    cer: float
    against_first: Interval | None
    verdict: Verdict | str


@dataclass(frozen=True)
class LineUp:
    """Runs that were tested on the same clips.

    Attributes:
        entries: the runs in the order given.
        test_clips, words: number of test clips, and of words in them.
        transcripts: for each clip its reference, the transcripts of the first run's base and of each adapted model, their
            word errors, and the clip's index in each run's comparison.
        language: language whose normalisation is used for the error rates.
    """

    entries: tuple[LineUpRow, ...]
    test_clips: int
    words: int
    transcripts: tuple[dict[str, Any], ...]
    language: str

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return dataclasses.asdict(self)


def line_up(outcomes: Sequence[Outcome]) -> LineUp:
    """Compares runs side by side.

    Args:
        outcomes: two or more finished runs.

    Raises:
        RunError: a run has no test clips, or different ones from the first run.
    """
    tested = [_tested(outcome) for outcome in outcomes]
    first = tested[0]
    places = [_in_order_of(first, outcome, outcomes[0]) for outcome in outcomes]  # [runs][clips]
    read = [[comparison.clips[i] for i in own] for comparison, own in zip(tested, places, strict=True)]
    errors = [[clip.adapted_errors for clip in clips] for clips in read]
    words = [clip.words for clip in first.clips]
    clusters = speakers_or_sentences([row.clip() for row in first.clips], first.language)
    changes = _holm([paired_interval(errors[0], mine, words, *clusters) for mine in errors[1:]])
    settings = [outcome.request.recipe.settings() for outcome in outcomes]
    differing = [name for name in settings[0] if len({str(recipe[name]) for recipe in settings}) > 1]
    entries = [
        LineUpRow(
            run=outcome.run.id,
            name=read_name(outcome.run),
            model=outcome.request.model,
            clips=outcome.result.own_clips,
            seed=outcome.request.seed,
            recipe={name: recipe[name] for name in differing},
            base=comparison.base.wer.rate,
            adapted=comparison.adapted.wer.rate,
            cer=comparison.adapted.cer.rate,
            against_first=change,
            verdict=judge(change, len(words)) if change else "",
        )
        for outcome, comparison, recipe, change in zip(outcomes, tested, settings, [None, *changes], strict=True)
    ]
    transcripts = tuple(
        {
            "path": clips[0].path,
            "reference": clips[0].reference,
            "words": clips[0].words,
            "base": clips[0].base,
            "base_errors": clips[0].base_errors,
            "adapted": [clip.adapted for clip in clips],
            "errors": [clip.adapted_errors for clip in clips],
            "places": list(there),
        }
        for clips, there in zip(zip(*read, strict=True), zip(*places, strict=True), strict=True)
    )
    return LineUp(tuple(entries), len(words), sum(words), transcripts, first.language)


def by_disagreement(lined: LineUp) -> list[int]:
    """Returns the indices of the clips, sorted by how much the runs differ in word errors, largest first."""
    spread = [max(row["errors"]) - min(row["errors"]) for row in lined.transcripts]
    return sorted(range(len(spread)), key=lambda i: -spread[i])


def comparable(runs: Sequence[Run], like: Run) -> list[Run]:
    """Returns the finished runs tested on the same clips as `like`, in the order given; none if `like` has no test clips."""
    wanted = _test_clips(like)
    return [run for run in runs if wanted and _is_tested_on(run, wanted)]


def _is_tested_on(run: Run, clips: list[tuple[str, str, str]]) -> bool:
    try:
        return run.result() is not None and _test_clips(run) == clips
    except RunError:  # damaged
        return False


def _test_clips(run: Run) -> list[tuple[str, str, str]]:
    tested = run.comparisons().get("test")
    return sorted((clip.id, clip.reference, tested.language) for clip in tested.clips) if tested else []


def _tested(outcome: Outcome) -> Comparison:
    if "test" not in outcome.comparisons:
        raise RunError("run_untested", f"The run {outcome.run.id} has no test clips.", run=outcome.run.id)
    return outcome.comparisons["test"]


def _in_order_of(first: Comparison, outcome: Outcome, first_outcome: Outcome) -> list[int]:
    """Returns the indices of a run's test clips in the order of the first run's; raises RunError if they differ."""
    comparison = _tested(outcome)
    places = {(clip.id, clip.reference): i for i, clip in enumerate(comparison.clips)}
    wanted = [(clip.id, clip.reference) for clip in first.clips]
    same_length = len(comparison.clips) == len(wanted)
    if comparison.language == first.language and same_length and places.keys() == set(wanted):
        return [places[key] for key in wanted]
    names = first_outcome.run.id, outcome.run.id
    raise RunError(
        "runs_differ",
        f"{names[0]} and {names[1]} were tested on different clips, so their error rates cannot be compared. "
        "Fine-tune both with the same --test clips.",
        first=names[0],
        other=names[1],
    )


def _holm(changes: list[Interval]) -> list[Interval]:
    """Adjusts p-values by Holm's step-down procedure: multiplies the smallest by their number, the next by one less ..."""
    adjusted = list(changes)
    largest = 0.0
    for rank, i in enumerate(sorted(range(len(changes)), key=lambda i: changes[i].p_value)):
        largest = max(largest, min(1.0, (len(changes) - rank) * changes[i].p_value))
        adjusted[i] = dataclasses.replace(changes[i], p_value=largest)
    return adjusted
