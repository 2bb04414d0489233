"""The worker process of one job: `python -m demo.background.worker FOLDER`. Jobs run one at a time, in queue order."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from core.errors import AttuneError
from core.models.sources.hub import send_no_login
from core.runs.job_folder import Job
from core.runs.run_folder import Run
from core.storage.files import home
from core.storage.full_disk import explained
from core.storage.memory import keep_torch_small
from core.storage.state import lock
from core.training.events import Event, Failed
from demo.background.queue import JobQueue

TURN_SECONDS = 0.5  # how often a waiting job checks whether it is next


def main(folder: Path) -> int:
    """Runs the job in `folder`; returns 0 if it succeeded, else 1."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    keep_torch_small()
    send_no_login()
    job = Job(folder)
    if not (folder / "request.json").is_file():  # deleted with its visitor's data; locking would recreate the folder
        return 1
    with job.carried_out():
        turn = _wait_for_turn(job)
        if turn is None:
            job.append(Failed("stopped_early", "Stopped before it began.", {}))
            return 1
        with turn:
            return _carry_out(job)


def _wait_for_turn(job: Job) -> FileLock | None:
    queue, alone = JobQueue(home() / "turns"), lock(home() / "worker.lock")
    while not job.should_stop():
        if queue.is_next(job):
            try:
                alone.acquire(timeout=0)
            except Timeout:
                pass
            else:
                return alone
        time.sleep(TURN_SECONDS)
    return None


def _carry_out(job: Job) -> int:
    try:
        for _ in _steps(job):
            pass
    except Exception as error:
        explanation = explained(error, job.folder)
        if isinstance(explanation, AttuneError):
            logging.warning("%s", explanation)
            failed = Failed(explanation.reason, str(explanation), explanation.details)
        else:
            logging.exception("the job failed")
            failed = Failed("disk" if isinstance(error, OSError) else "unexpected", f"{type(error).__name__}: {error}", {})
        try:
            job.append(failed)
        except OSError as full:  # the disk is too full even for that; the page will report the job as interrupted
            logging.warning("what ended the job could not be written down: %s", full)
        return 1
    return 0


def _steps(job: Job) -> Iterator[Event]:
    """Returns the events of the job. Imports late, so that waiting jobs do not each hold torch in memory."""
    match job.kind:
        case "ladder":
            from core.runs.ladder_job import LadderJob
            from core.runs.ladder_job import carry_out as carry_out_ladder

            return carry_out_ladder(LadderJob(job.folder))
        case "robustness":
            from core.runs.robustness_job import RobustnessJob
            from core.runs.robustness_job import carry_out as measure_robustness

            return measure_robustness(RobustnessJob(job.folder))
        case "blend":
            from core.runs.blend_job import BlendJob
            from core.runs.blend_job import carry_out as measure_between

            return measure_between(BlendJob(job.folder))
        case _:
            from core.runs.execute import execute

            return execute(Run(job.folder))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
