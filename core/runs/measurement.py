"""Measurements of a finished run's models: jobs that lie in the run's folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from core.errors import RunError
from core.models.base.protocol import AsrModel
from core.runs.job_folder import Job, stopped
from core.runs.run_folder import Run
from core.storage.files import write_json


@dataclass(frozen=True)
class Measurement(Job):
    """The folder of a measurement."""

    @property
    def run(self) -> Run:
        """The run whose models are measured."""
        return Run(self.folder.parent)


Kind = TypeVar("Kind", bound=Measurement)


def requested(job: Kind) -> Kind | None:
    """Returns a measurement, or None if nobody has requested it."""
    return job if (job.folder / "request.json").is_file() else None


def request(job: Kind, fields: dict[str, Any]) -> Kind:
    """Creates the folder of a measurement and returns it; deletes the results of an earlier one.

    Args:
        job: the measurement.
        fields: contents of request.json.

    Raises:
        RunError: the run has no adapted model or no test clips, or this is being measured.
    """
    run = job.run
    if run.result() is None or not (run.adapted / "config.json").is_file():
        raise unfinished(run)
    if not run.compared_clips("test"):
        raise RunError("run_untested", f"The run {run.id} has no test clips.", run=run.id)
    if requested(job):
        if job.is_alive():
            raise RunError("job_running", "This is already being measured. Wait for it, or stop it first.")
        shutil.rmtree(job.folder)
    job.folder.mkdir()
    write_json(job.folder / "request.json", fields)
    return job


def unfinished(run: Run) -> RunError:
    """Returns the error that a run has no adapted model to measure."""
    return RunError("run_unfinished", f"The run in {run.folder} has no adapted model yet.", folder=str(run.folder))


def unreadable(run: Run) -> RunError:
    """Returns the error that no test clip of a run is left to measure on."""
    return RunError("run_untested", f"The run {run.id} has no test clips that can be read.", run=run.id)


def transcriber(job: Job, model: AsrModel) -> Callable[[Sequence[np.ndarray]], list[str]]:
    """Returns a function that transcribes with a model, unless someone has asked the job to stop.

    Raises:
        RunError: from that function, if someone has.
    """

    def transcribe(waves: Sequence[np.ndarray]) -> list[str]:
        if job.should_stop():
            raise stopped()
        return [transcript.text for transcript in model.transcribe(waves)]

    return transcribe
