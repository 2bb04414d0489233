"""A finished run with all its results in one object, for the page, the report and the command line."""

from __future__ import annotations

import dataclasses
import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.audio import sound_files
from core.errors import RunError
from core.evaluation.analysis import Analysis, analyse, measure_sounds
from core.evaluation.compare import Comparison, compare
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.runs.limits import GROUPS
from core.runs.request import Request
from core.runs.result import Result
from core.runs.run_folder import Run, compared_fields

# Ends of intervals. Earlier versions, which wrote no checksum, approximated Student's quantile by a series expansion that is
# 11 % too small for two clusters and 0.7 % for three.
INEXACT_EARLIER = frozenset({"low", "high"})


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        run: the run's folder.
        request: the run's request.
        result: the run's result.
        comparisons: base against adapted by group: "test", "canary", "own".
        analyses: analyses of what was learned, for the same groups.
        differs: figures, such as "test.adapted.wer", that differ from result.json; none unless a file was edited, another
            version wrote it, or the clips were transcribed again on another machine.
        recomputed: whether the clips were transcribed again.
    """

    run: Run
    request: Request
    result: Result
    comparisons: dict[str, Comparison]
    analyses: dict[str, Analysis]
    differs: tuple[str, ...]
    recomputed: bool

    def to_json(self) -> dict[str, Any]:
        """Returns the dict of result.json, with complete comparisons and analyses added."""
        groups = {group: compared_fields(found, self.analyses[group]) for group, found in self.comparisons.items()}
        said = {"equals_result": not self.differs, "differs": list(self.differs), "recomputed": self.recomputed}
        return {**self.result.to_json(), **groups, **said, "run": str(self.run.folder)}


def read_outcome(run: Run, recompute: bool = False, check: bool = False) -> Outcome:
    """Reads all results of a run from its folder alone.

    The stored results are normally used unchanged. They are recomputed from the transcripts if comparison.json was edited
    or written by an earlier version, or on request.

    Args:
        run: a finished run.
        recompute: whether to transcribe the clips again with both models.
        check: whether to score the stored transcripts again.

    Raises:
        RunError: the run is not finished.
        AttuneError: with `recompute`, a clip or a model cannot be read.
    """
    result, (comparisons, analyses) = run.result(), run.comparisons_and_analyses()
    if result is None or not (run.folder / "comparison.json").exists():
        raise RunError("run_unfinished", f"The run in {run.folder} has no adapted model yet.", folder=str(run.folder))
    comparisons = {group: comparisons[group] for group in GROUPS if group in comparisons}
    if recompute or check or not comparisons.keys() <= analyses.keys() or not run.is_as_written(result):
        comparisons = {group: _scored_again(run, comparison, recompute) for group, comparison in comparisons.items()}
        analyses = {group: analyse(comparison, measure_sounds(comparison)) for group, comparison in comparisons.items()}
    noted, differs = run.fields() or {}, []  # as written: a figure missing from an earlier version is no difference
    ignored = frozenset() if result.comparison_sha256 else INEXACT_EARLIER
    for group in ("test", "canary"):
        now = dataclasses.asdict(comparisons[group].figures) if group in comparisons else None
        differs += _differences(noted.get(group), now, group, ignored)
    return Outcome(run, run.request(), result, comparisons, analyses, tuple(differs), recompute)


def _scored_again(run: Run, comparison: Comparison, recompute: bool) -> Comparison:
    rows, language = comparison.clips, comparison.language
    texts = {"base": [row.base for row in rows], "adapted": [row.adapted for row in rows]}
    if recompute:
        waves = [sound_files.decode(row.path, sound_files.MAX_CLIP_SECONDS) for row in rows]
        texts, _ = transcribe_both(run, waves, language)
    return compare([row.clip() for row in rows], texts["base"], texts["adapted"], language, comparison.terms)


def transcribe_both(run: Run, waves: list[np.ndarray], language: str) -> tuple[dict[str, list[str]], dict[str, float]]:
    """Transcribes sounds with a run's base and adapted model, with the settings of the run.

    Args:
        run: a run with an adapted model.
        waves: float32 [samples] at 16 kHz.
        language: ISO 639-1 code of the language to transcribe.

    Returns:
        The transcripts of "base" and "adapted", and the seconds that each took, excluding loading.

    Raises:
        RunError: there is no adapted model yet.
        ModelError: a model cannot be loaded.
    """
    texts, seconds = {}, {}
    for name, model in zip(("base", "adapted"), load_both(run, language), strict=True):
        begun = time.perf_counter()
        texts[name] = [transcript.text for transcript in model.transcribe(waves)]
        seconds[name] = time.perf_counter() - begun
    return texts, seconds


def load_both(run: Run, language: str) -> tuple[AsrModel, AsrModel]:
    """Loads a run's base and adapted model with the settings of the run.

    Args:
        run: a run with an adapted model.
        language: ISO 639-1 code of the language to transcribe.

    Raises:
        RunError: there is no adapted model yet.
        ModelError: a model cannot be loaded.
    """
    if not (run.adapted / "config.json").is_file():
        raise RunError("run_unfinished", f"The run in {run.folder} has no adapted model yet.", folder=str(run.folder))
    request = run.request()
    recipe, trained_in = request.recipe, request.labelled_set.language
    base, adapted = (
        load_model(id, trained_in, precision=recipe.precision, thin=recipe.thin) for id in (request.model, str(run.adapted))
    )
    base.language = adapted.language = language
    return base, adapted


def _differences(before: Any, now: Any, name: str, ignored: frozenset[str]) -> list[str]:
    """Returns the names of figures that differ, but for those in `ignored` and those that only one side has."""
    if isinstance(before, dict) and isinstance(now, dict):
        both = (before.keys() & now.keys()) - ignored
        return [path for key in both for path in _differences(before[key], now[key], f"{name}.{key}", ignored)]
    if isinstance(before, list) and isinstance(now, tuple) and len(before) == len(now):
        pairs = enumerate(zip(before, now, strict=True))
        return [path for place, pair in pairs for path in _differences(*pair, f"{name}.{place}", ignored)]
    if isinstance(before, float) and isinstance(now, int | float):
        return [] if math.isclose(before, now, abs_tol=1e-9) else [name]
    return [] if before == now else [name]
