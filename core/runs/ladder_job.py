"""A ladder as a job: the fine-tunes of `core.runs.ladder`, one after the other.

LADDER/
  rungs/0005-0/  a run folder for each size and repeat, without the adapted model
  and the files of every job, see `core.runs.job_folder`
"""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from core.errors import AttuneError, RunError
from core.runs import run_folder
from core.runs.environment import environment
from core.runs.job_folder import Job, refuse_used, stopped
from core.runs.ladder import Rung, RungResult, ladder, learning_curve, measured
from core.runs.limits import MIN_REPEATS
from core.runs.request import Request, RequestFields
from core.runs.run_folder import Run
from core.storage.files import write_json
from core.storage.state import UNREADABLE
from core.training.events import Advanced, Entered, Evaluated, Event, Finished, Prepared


class _Fields(TypedDict):
    """Contents of request.json."""

    request: RequestFields
    sizes: list[int]
    repeats: int


@dataclass(frozen=True)
class LadderJob(Job):
    """A ladder's folder."""

    def request(self) -> Request:
        """Reads the request of the fine-tune with all clips.

        Raises:
            RunError: the file is damaged.
        """
        fields = self.read("request.json", _Fields)
        try:
            return Request.from_json(fields["request"])
        except UNREADABLE as error:
            raise self.damaged("request.json") from error

    def asks_for(self, request: Request) -> bool:
        """Returns whether this is the ladder of a fine-tune, so that it can be resumed instead of starting a new one."""
        return self.request() == _scored_alone(request)

    def resume(self) -> None:
        """Prepares a ladder that ended early for resumption; finished fine-tunes are kept."""
        for name in ("stop", "events.jsonl"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "request.json").touch()  # restarts the time after which it counts as dead

    def rungs(self) -> list[tuple[Rung, Run]]:
        """Returns the fine-tunes, smallest first, each with its folder, which may not exist yet."""
        fields = self.read("request.json", _Fields)
        found = ladder(self.request(), fields["sizes"], fields["repeats"])
        return [(rung, Run(self.folder / "rungs" / f"{rung.clips:04d}-{rung.repeat}")) for rung in found]

    def finished(self) -> list[Run]:
        """Returns the finished fine-tunes, without damaged ones."""
        folder = self.folder / "rungs"
        return [run for run in map(Run, sorted(folder.iterdir())) if _is_done(run)] if folder.is_dir() else []

    def measured(self) -> list[RungResult]:
        """Reads the results of the finished fine-tunes."""
        return measured(self.finished())

    def base(self) -> float | None:
        """Returns the base's WER on the held-out clips, or None if no fine-tune has finished."""
        done = self.finished()
        result = done[0].result() if done else None
        return result.test.base.wer if result is not None and result.test else None


def create(folder: Path, request: Request, sizes: Sequence[int] = (), repeats: int = MIN_REPEATS) -> LadderJob:
    """Creates a ladder's folder.

    Args:
        folder: path of the folder; must be empty or not exist.
        request: the fine-tune with all of its training clips.
        sizes: numbers of training clips, see `core.runs.ladder.ladder`.
        repeats: number of fine-tunes of each size.

    Raises:
        RunError: the folder is not empty, or the set has no training clips or no test clips.
    """
    refuse_used(folder)
    if not request.labelled_set.part("test"):
        raise RunError("run_untested", "There are no test clips to score on.", run=folder.name)
    if not ladder(request, sizes, repeats):
        raise RunError("ladder_empty", "There are not that many training clips, so there is nothing to try.")
    folder.mkdir(parents=True, exist_ok=True)
    fields = {"kind": "ladder", "request": _scored_alone(request).to_json(), "sizes": list(sizes), "repeats": repeats}
    write_json(folder / "request.json", fields)
    return LadderJob(folder)


def open_ladder(folder: Path) -> LadderJob:
    """Opens a ladder's folder.

    Raises:
        RunError: the folder is not a ladder's.
    """
    job = LadderJob(folder)
    if not (folder / "request.json").is_file() or job.kind != "ladder":
        raise RunError("ladder_missing", f"There is no ladder in {folder}.", folder=str(folder))
    return job


def carry_out(job: LadderJob) -> Iterator[Event]:
    """Executes the remaining fine-tunes, writing every event to the folder before yielding it.

    Yields:
        Entered, Advanced as they progress, and Finished.

    Raises:
        AttuneError: the model, the clips or the recipe cannot be used, or someone asked to stop; finished fine-tunes are
            kept.
        OSError: the disk is full.
    """
    return job.record(_steps(job))


def _scored_alone(request: Request) -> Request:
    """Returns a fine-tune without the clips that a ladder does not use."""
    return dataclasses.replace(request, canary=(), watch=(), own=())


def _steps(job: LadderJob) -> Iterator[Event]:
    started = time.perf_counter()
    rungs = job.rungs()
    yield Entered("rungs", len(rungs))
    done_before = sum(_is_done(run) for _, run in rungs)
    for place, (rung, run) in enumerate(rungs):
        if not _is_done(run):
            shutil.rmtree(run.folder, ignore_errors=True)  # left by a process that died, or damaged
            for share in _climb(job, run_folder.create(run.folder, rung.request)):
                done = place + share
                took = (time.perf_counter() - started) / (done - done_before)
                yield Advanced(done, len(rungs), took * (len(rungs) - done))
    rows = job.measured()
    result: dict[str, Any] = {
        "run": str(job.folder),
        "model": job.request().model,
        "set": job.request().labelled_set.name,
        "base": job.base(),
        "rows": [dataclasses.asdict(row) for row in rows],
        "curve": learning_curve(rows).to_json(),
        "seconds": time.perf_counter() - started,
        "versions": environment(job.request().recipe.precision),
    }
    write_json(job.folder / "result.json", result)
    yield Finished(result["seconds"])


def _is_done(run: Run) -> bool:
    """Returns whether a fine-tune has finished and can be read."""
    try:
        return run.result() is not None and bool(run.request())
    except AttuneError:
        return False


def _climb(job: LadderJob, run: Run) -> Iterator[float]:
    """Executes one fine-tune, yielding the share that is done; if stopped, it leaves no files."""
    from core.runs.execute import execute  # loads torch, which a page that only starts or shows a ladder does not need

    steps = 1
    try:
        with run.lock():
            for event in execute(run, keep_model=False):
                if job.should_stop():
                    raise stopped()
                if isinstance(event, Prepared):
                    steps = event.steps
                if isinstance(event, Evaluated) and event.step:
                    yield 0.9 * event.step / steps
    finally:
        if not _is_done(run):
            shutil.rmtree(run.folder, ignore_errors=True)
    yield 1.0
