"""Whose turn it is: the jobs of all visitors are carried out one at a time, in the order in which they were asked for.

HOME/turns/NUMBER-RANDOM    holds the folder of a job; the lowest number of a job that is not over is next
"""

from __future__ import annotations

import logging
import re
import secrets
from pathlib import Path

from core.runs.job import Job
from core.storage.files import replacing

NOT_OVER = ("waiting", "running")
_NAME = re.compile(r"([0-9]{1,40})(-[0-9a-f]+)?")


class JobQueue:
    """The queue in a folder.

    Args:
        folder: where it lies; made when the first job joins.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def join(self, job: Job) -> None:
        """Puts a job at the end; it is on disk when this returns.

        The number is one more than the highest there, as a clock may be set back. Two that join at once may get the same
        one, and either may go first; what is random in the name keeps them apart.
        """
        last = max((_number(path) for path in self._waiting()), default=0)
        with replacing(self._folder / f"{last + 1:020d}-{secrets.token_hex(8)}") as temporary:
            temporary.write_bytes(str(job.folder).encode("utf-8", "surrogateescape"))

    def is_next(self, job: Job) -> bool:
        """Whether no job before this one is waiting or running; one that never joined need not wait for others' turns."""
        for path in self._waiting():
            first = _job(path)
            if first is not None and (first.folder == job.folder or first.state() in NOT_OVER):
                return first.folder == job.folder
            path.unlink(missing_ok=True)
        return True

    def leave(self, folder: Path) -> None:
        """Takes away the jobs that lie in a folder; none of them may be carried out any more."""
        for path in self._waiting():
            job = _job(path)
            if job is not None and job.folder.is_relative_to(folder):
                path.unlink(missing_ok=True)

    def _waiting(self) -> list[Path]:
        """The files of the queue in order; what else lies there is passed over."""
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted((path for path in found if _NAME.fullmatch(path.name) and path.is_file()), key=_place)


def _job(path: Path) -> Job | None:
    """Returns the job that a file of the queue names; None where it is gone, or the file is damaged or not the queue's."""
    try:
        job = Job(Path(path.read_bytes().decode("utf-8", "surrogateescape")))
        if job.folder.is_absolute() and (job.folder / "request.json").is_file():
            return job
    except FileNotFoundError:  # another worker has just taken it away
        return None
    except (OSError, ValueError) as error:  # a name that no file can have
        logging.warning("%s is no file of the queue: %s", path, error)
    return None


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return int(found[1]) if found else 0


def _place(path: Path) -> tuple[int, str]:
    return _number(path), path.name
