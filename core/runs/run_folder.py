"""The run folder: everything about one fine-tune, written to disk as it happens; see `core.runs.job_folder` for all jobs.

RUN/
  request.json      model, clips, recipe, seed: enough to repeat the run
  events.jsonl      the events, one per line
  adapted/          the adapted model, a Hugging Face folder
  adapter/          if the recipe uses one: the adapter alone, which PEFT loads onto the base
  comparison.json   base against adapted on the held-out clips, clip by clip, and the analysis of what was learned
  result.json       the figures; written last, so its presence means the run is complete
  robustness/       on request: the same held-out clips in noise, in a room and over a telephone
  blend/            on request: errors along the line from the base to the adapted model
  times/            on request: word times, one file per clip
  report.html       and .md and .json, on request
  name.json         the name that a person gave the run, see `core.runs.run_name`
  stop              exists if someone asked to stop
  alive.lock        held by the process that executes the run, for as long as it lives
"""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NotRequired, TypedDict

from core.errors import RecipeError, RunError
from core.evaluation.analysis import Analysis
from core.evaluation.compare import ClipComparison, Comparison, Figures, Rates, Verdict
from core.runs.job_folder import Job, refuse_used
from core.runs.request import Request, RequestFields
from core.runs.result import Result
from core.storage.files import sha256, write_json
from core.storage.state import UNREADABLE
from core.storage.typed import build
from core.text.metrics import ErrorRate, Interval
from core.text.scoring import RULES


class _Compared(TypedDict):
    """The contents of comparison.json for a group of clips; some fields are missing in earlier versions."""

    base: Rates
    adapted: Rates
    difference: Interval
    verdict: Verdict
    words: int
    language: str
    clips: list[ClipComparison]
    clips_needed: NotRequired[int | None]
    counts: NotRequired[dict[str, dict[str, ErrorRate]]]
    analysis: NotRequired[Analysis]
    rules: NotRequired[int]


@dataclass(frozen=True)
class Run(Job):
    """A run's folder."""

    RESULT: ClassVar[Any] = Result

    @property
    def adapted(self) -> Path:
        """The adapted model's folder, which exists once training has ended."""
        return self.folder / "adapted"

    def request(self) -> Request:
        """Reads the request.

        Raises:
            RunError: the file is missing or damaged.
            RecipeError: a setting is outside its range.
        """
        fields = self.read("request.json", RequestFields)
        try:
            return Request.from_json(fields)
        except UNREADABLE as error:
            raise self.damaged("request.json") from error

    def result(self) -> Result | None:
        """Reads the result, or None if the run is not complete; figures of earlier scoring rules are worked out again.

        Raises:
            RunError: the file is damaged.
        """
        fields = self.fields()
        if fields is None:
            return None
        try:
            found = build(Result, fields)
        except (RecipeError, *UNREADABLE) as error:
            raise self.damaged("result.json") from error
        if all(figures.rules == RULES for figures in found.figures.values()):
            return found
        again = self._figures_again()
        return dataclasses.replace(
            found, **{group: _current(stored, again.get(group)) for group, stored in found.figures.items()}
        )

    def comparisons(self) -> dict[str, Comparison]:
        """Reads the comparisons of base and adapted by group ("test", "canary", "own"); empty before they are written.

        Raises:
            RunError: the file is damaged.
        """
        return self._comparisons(self._compared())

    def comparisons_and_analyses(self) -> tuple[dict[str, Comparison], dict[str, Analysis]]:
        """Reads the comparisons, and the analyses of what was learned, by group.

        An analysis is missing if an earlier version wrote none, or if it followed other scoring rules.

        Raises:
            RunError: the file is damaged.
        """
        found = self._compared()
        comparisons = self._comparisons(found)
        analyses = {
            group: build(Analysis, fields["analysis"])
            for group, fields in found.items()
            if "analysis" in fields and comparisons[group].clips == _clips(fields)  # else other rules scored them
        }
        return comparisons, analyses

    def compared_clips(self, group: str) -> tuple[ClipComparison, ...]:
        """Reads the clips of one group alone, without scores; none if the group was not compared.

        Raises:
            RunError: the file is damaged.
        """
        found = self._compared().get(group)
        try:
            return _clips(found) if found else ()
        except UNREADABLE as error:
            raise self.damaged("comparison.json") from error

    def write(self, result: Result, comparisons: Mapping[str, Comparison], analyses: Mapping[str, Analysis]) -> None:
        """Writes comparisons, analyses and result, the result last.

        Raises:
            OSError: the disk is full.
        """
        path = self.folder / "comparison.json"
        write_json(path, {group: compared_fields(comparisons[group], analyses[group]) for group in comparisons})
        write_json(self.folder / "result.json", dataclasses.replace(result, comparison_sha256=sha256(path)).to_json())

    def is_as_written(self, result: Result) -> bool:
        """Returns whether comparison.json is unchanged since the run wrote it; False for an earlier version's file."""
        path = self.folder / "comparison.json"
        return path.is_file() and sha256(path) == result.comparison_sha256

    def is_scored_alike(self) -> bool:
        """Returns whether the present scoring rules give the error rates that the run stored."""
        result, fields = self.result(), self.fields()
        stored = build(Result, fields).figures if fields else {}
        return result is not None and all(_have_equal_rates(result.figures[group], stored[group]) for group in stored)

    def _figures_again(self) -> dict[str, Figures]:
        path = self.folder / "comparison.json"
        try:
            return _figures_of(self, path.stat().st_mtime_ns) if path.is_file() else {}
        except RunError:  # damaged: there is nothing to score again
            return {}

    def _compared(self) -> dict[str, Any]:
        there = (self.folder / "comparison.json").exists()
        return self.read("comparison.json", dict[str, _Compared]) if there else {}

    def _comparisons(self, found: dict[str, Any]) -> dict[str, Comparison]:
        try:
            return {group: Comparison.from_json(fields) for group, fields in found.items()}
        except UNREADABLE as error:
            raise self.damaged("comparison.json") from error


@lru_cache(1024)
def _figures_of(run: Run, written_ns: int) -> dict[str, Figures]:
    """Returns the figures of comparison.json, by group; kept, because a page asks often and old runs are scored again."""
    return {group: comparison.figures for group, comparison in run.comparisons().items()}


def _current(stored: Figures, again: Figures | None) -> Figures:
    if again is None or _have_equal_rates(stored, again):
        return dataclasses.replace(stored, rules=RULES if again else stored.rules)
    return again


def _have_equal_rates(one: Figures, other: Figures) -> bool:
    return (one.base, one.adapted) == (other.base, other.adapted)


def _clips(compared: Mapping[str, Any]) -> tuple[ClipComparison, ...]:
    return tuple(build(ClipComparison, row) for row in compared["clips"])


def compared_fields(comparison: Comparison, analysis: Analysis) -> dict[str, Any]:
    """Returns what comparison.json holds for one group of clips."""
    return {**comparison.to_json(), "analysis": analysis.to_json()}


def create(folder: Path, request: Request) -> Run:
    """Creates a run folder.

    Raises:
        RunError: the folder exists and is not empty.
    """
    refuse_used(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "request.json", request.to_json())
    return Run(folder)


def open_run(folder: Path) -> Run:
    """Opens a run folder.

    Raises:
        RunError: the folder is not a run's.
    """
    if not (folder / "request.json").is_file():
        raise RunError("run_missing", f"There is no run in {folder}.", folder=str(folder))
    return Run(folder)


def new_id() -> str:
    """Returns a new run id that sorts by time and cannot be guessed."""
    return f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
