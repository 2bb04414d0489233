"""The run folder: everything about one fine-tune, on disk as it happens; `core.runs.job` has what all jobs' folders share.

RUN/
  request.json      model, clips, recipe, seed: enough to do it again
  events.jsonl      what happened, a line an event
  adapted/          the adapted model, a Hugging Face folder
  adapter/          where the recipe has one: the adapter alone, as PEFT loads it onto the base
  comparison.json   base against adapted on the held-out clips, clip by clip
  result.json       the figures; written last, so its presence means the run is whole
  robustness/       where someone asked for it: the same held-out clips in noise, a room, over a telephone
  times/            when the words of a clip were said, a file for each clip that someone asked about
  report.html       and .md and .json, where someone asked for a report
  stop              someone asked to stop
  alive.lock        held by the process that carries the run out, for as long as it lives
"""

from __future__ import annotations

import datetime
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NotRequired, TypedDict

from core.data.clips.labelled_set import id_of
from core.errors import RunError
from core.evaluation.compare import ClipComparison, Verdict
from core.runs.job import Job, refuse_used
from core.runs.request import Request, RequestFields
from core.storage.files import write_json
from core.storage.state import UNREADABLE
from core.text.metrics import Interval
from core.training.recipe import Recipe


class _Rates(TypedDict):
    wer: float
    cer: float
    raw_wer: float
    raw_cer: float


class _Summary(TypedDict):
    """What `core.evaluation.compare.Comparison.to_json` writes."""

    base: _Rates
    adapted: _Rates
    difference: Interval
    verdict: Verdict
    words: int
    language: str
    clips_needed: NotRequired[int | None]


class _Scored(_Summary):
    clips: int


class _Compared(_Summary):
    clips: list[ClipComparison]


class _CanarySet(TypedDict):
    name: str
    synthetic: bool


class _Result(TypedDict):
    """What `core.runs.execute` writes, as far as it is read again; earlier versions lack some of it."""

    model: str
    family: str
    set: str
    synthetic: bool
    clips: int
    replayed: int
    seed: int
    recipe: Recipe
    run: str
    test: NotRequired[_Scored | None]
    canary: NotRequired[_Scored | None]
    canary_set: NotRequired[_CanarySet]
    language: NotRequired[str]
    minutes: NotRequired[float]
    validation_clips: NotRequired[int]
    test_clips: NotRequired[int]
    steps: NotRequired[int]
    best_step: NotRequired[int]
    stopped: NotRequired[bool]
    distance: NotRequired[float]
    seconds: NotRequired[dict[str, float]]
    overlap: NotRequired[dict[str, int]]
    dropped: NotRequired[list[dict[str, Any]]]
    versions: NotRequired[dict[str, Any]]


@dataclass(frozen=True)
class Run(Job):
    """A run's folder."""

    RESULT: ClassVar[Any] = _Result

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

    def comparison(self) -> dict[str, Any] | None:
        """Reads base against adapted, by group ("test", "canary", "own"), or None before it is there.

        Raises:
            RunError: the file is damaged.
        """
        if not (self.folder / "comparison.json").exists():
            return None
        found = self.read("comparison.json", dict[str, _Compared])
        for compared in found.values():
            for row in compared["clips"]:
                row.setdefault("id", id_of(row["path"]))  # an earlier version wrote none
        return found


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
