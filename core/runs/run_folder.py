"""The run folder: everything about one fine-tune, on disk as it happens; `core.runs.job` has what all jobs' folders share.

RUN/
  request.json      model, clips, recipe, seed: enough to do it again
  events.jsonl      what happened, a line an event
  adapted/          the adapted model, a Hugging Face folder
  adapter/          where the recipe has one: the adapter alone, as PEFT loads it onto the base
  comparison.json   base against adapted on the held-out clips, clip by clip, and what was learned
  result.json       the figures; written last, so its presence means the run is whole
  robustness/       where someone asked for it: the same held-out clips in noise, a room, over a telephone
  times/            when the words of a clip were said, a file for each clip that someone asked about
  report.html       and .md and .json, where someone asked for a report
  stop              someone asked to stop
  alive.lock        held by the process that carries the run out, for as long as it lives
"""

from __future__ import annotations

import dataclasses
import datetime
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NotRequired, TypedDict

from core.errors import RecipeError, RunError
from core.evaluation.analysis import Analysis
from core.evaluation.compare import ClipComparison, Comparison, Rates, Verdict
from core.runs.job import Job, refuse_used
from core.runs.request import Request, RequestFields
from core.runs.result import Result
from core.storage.files import sha256, write_json
from core.storage.state import UNREADABLE
from core.storage.typed import build
from core.text.metrics import ErrorRate, Interval


class _Compared(TypedDict):
    """What comparison.json holds of a group of clips; earlier versions lack some of it."""

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


@dataclass(frozen=True)
class Run(Job):
    """A run's folder."""

    RESULT: ClassVar[Any] = Result

    @property
    def adapted(self) -> Path:
        """The adapted model's folder; there once training is over."""
        return self.folder / "adapted"

    def request(self) -> Request:
        """Reads what was asked for.

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
        """Reads what it came to, or None before it is whole.

        Raises:
            RunError: the file is damaged.
        """
        fields = self.fields()
        try:
            return None if fields is None else build(Result, fields)
        except (RecipeError, *UNREADABLE) as error:
            raise self.damaged("result.json") from error

    def comparisons(self) -> dict[str, Comparison]:
        """Reads base against adapted, by group ("test", "canary", "own"); none before they are there.

        Raises:
            RunError: the file is damaged.
        """
        try:
            return {group: Comparison.from_json(fields) for group, fields in self._compared().items()}
        except UNREADABLE as error:
            raise self.damaged("comparison.json") from error

    def analyses(self) -> dict[str, Analysis]:
        """Reads what was learned, by group; none where an earlier version wrote the comparisons.

        Raises:
            RunError: the file is damaged.
        """
        found = self._compared()
        return {group: build(Analysis, fields["analysis"]) for group, fields in found.items() if "analysis" in fields}

    def write(self, result: Result, comparisons: Mapping[str, Comparison], analyses: Mapping[str, Analysis]) -> None:
        """Writes what it came to, the result last.

        Raises:
            OSError: the disk is full.
        """
        path = self.folder / "comparison.json"
        write_json(path, {group: {**c.to_json(), "analysis": analyses[group].to_json()} for group, c in comparisons.items()})
        write_json(self.folder / "result.json", dataclasses.replace(result, comparison_sha256=sha256(path)).to_json())

    def is_as_written(self, result: Result) -> bool:
        """Whether comparison.json is what the run wrote, and neither edited since nor of an earlier version."""
        path = self.folder / "comparison.json"
        return path.is_file() and sha256(path) == result.comparison_sha256

    def _compared(self) -> dict[str, Any]:
        there = (self.folder / "comparison.json").exists()
        return self.read("comparison.json", dict[str, _Compared]) if there else {}


def create(folder: Path, request: Request) -> Run:
    """Makes a run folder.

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
        RunError: it is none.
    """
    if not (folder / "request.json").is_file():
        raise RunError("run_missing", f"There is no run in {folder}.", folder=str(folder))
    return Run(folder)


def new_id() -> str:
    """Returns a name for a run that sorts by time and cannot be guessed."""
    return f"{datetime.datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"
