"""The job queue: all visitors' jobs run one at a time, first come, first served.

HOME/turns/NUMBER-RANDOM    holds the path of a job's folder; the unfinished job with the lowest number is next
"""

from __future__ import annotations

import logging
import re
import secrets
from pathlib import Path

from core.runs.job_folder import Job
from core.storage.files import replacing

NOT_OVER = ("waiting", "running")
_NAME = re.compile(r"([0-9]{1,40})(-[0-9a-f]+)?")


class JobQueue:
    """The queue in a folder.

    Args:
        folder: of the queue; created when the first job joins.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def join(self, job: Job) -> None:
        """Appends a job to the queue; it is on disk when this returns.

        Its number is one above the highest, not a time, as clocks may be set back. Two jobs that join at once may get the same
        number, and either may go first; the random part of the name keeps them apart.
        """
        last = max((_number(path) for path in self._waiting()), default=0)
        with replacing(self._folder / f"{last + 1:020d}-{secrets.token_hex(8)}") as temporary:
            temporary.write_bytes(str(job.folder).encode("utf-8", "surrogateescape"))

    def is_next(self, job: Job) -> bool:
        """Returns whether no earlier job is waiting or running; False for a job not in the queue, unless the queue is empty."""
        for path in self._waiting():
            first = _job(path)
            if first is not None and (first.folder == job.folder or first.state() in NOT_OVER):
                return first.folder == job.folder
            path.unlink(missing_ok=True)
        return True

    def unfinished(self) -> list[Job]:
        """Returns the jobs that are waiting or running, in order. Changes nothing."""
        found = (_job(path) for path in self._waiting())
        return [job for job in found if job is not None and job.state() in NOT_OVER]

    def leave(self, folder: Path) -> None:
        """Removes the jobs in a folder from the queue; they will not run any more."""
        for path in self._waiting():
            job = _job(path)
            if job is not None and job.folder.is_relative_to(folder):
                path.unlink(missing_ok=True)

    def _waiting(self) -> list[Path]:
        """Returns the files of the queue in order, ignoring any others in its folder."""
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted((path for path in found if _NAME.fullmatch(path.name) and path.is_file()), key=_place)


def _job(path: Path) -> Job | None:
    """Returns the job that a queue file names; None if the job or file is gone, or the file is damaged or not the queue's."""
    try:
        job = Job(Path(path.read_bytes().decode("utf-8", "surrogateescape")))
        if job.folder.is_absolute() and (job.folder / "request.json").is_file():
            return job
    except FileNotFoundError:  # another worker has just removed it
        return None
    except (OSError, ValueError) as error:  # an impossible file name
        logging.warning("%s is no file of the queue: %s", path, error)
    return None


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else 0


def _place(path: Path) -> tuple[int, str]:
    return _number(path), path.name
