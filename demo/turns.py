"""Whose turn it is: the jobs of all visitors are carried out one at a time, in the order in which they were asked for.

HOME/turns/NUMBER    holds the folder of a job; the lowest number of a job that is not over is next
"""

from __future__ import annotations

import time
from pathlib import Path

from core.files import replacing
from core.job import Job

NOT_OVER = ("waiting", "running")


class Turns:
    """The queue in a folder.

    Args:
        folder: where it lies; made when the first job joins.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def join(self, job: Job) -> None:
        """Puts a job at the end; it is on disk when this returns."""
        with replacing(self._folder / f"{time.time_ns():020d}") as temporary:
            temporary.write_text(str(job.folder), encoding="utf-8")

    def is_next(self, job: Job) -> bool:
        """Whether no job before this one is waiting or running; one that never joined need not wait for others' turns."""
        for path in sorted(self._folder.glob("[0-9]*")) if self._folder.is_dir() else ():
            try:
                first = Job(Path(path.read_text(encoding="utf-8")))
                over = first.folder != job.folder and first.state() not in NOT_OVER
            except FileNotFoundError:  # the job's folder is gone, or another worker has just taken this away
                over = True
            if not over:
                return first.folder == job.folder
            path.unlink(missing_ok=True)
        return True
