"""One detached child process per job, so that it survives a refresh, a closed tab and a server restart."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from core.runs.job_folder import Expected, Job
from core.storage.files import home
from demo.background.queue import JobQueue
from demo.show.waiting import Ahead

_DETACHED = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}


LOOK_SECONDS = 1.0  # between readings of the queue, which all visitors share: reading it means reading every job's folder


class Jobs:
    """Starts workers, reaps finished ones, kills those of deleted folders, and says how long the queue is.

    Args:
        clock: returns the time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._seen: list[tuple[Path, float | None]] = []
        self._looked: float | None = None

    def ahead(self, job: Job | None = None) -> Ahead:
        """Returns what is ahead of a job, or of one that would be started now.

        Args:
            job: one that is not over.
        """
        with self._lock:
            now = self._clock()
            if self._looked is None or now - self._looked >= LOOK_SECONDS:
                queue = JobQueue(home() / "turns").unfinished()
                self._seen, self._looked = [(one.folder, one.remaining()) for one in queue], now
            seen = self._seen
        folders = [folder for folder, _ in seen]
        before = seen[: folders.index(job.folder)] if job is not None and job.folder in folders else seen
        seconds = [left for _, left in before]
        return Ahead(len(seconds), None if None in seconds else sum(left for left in seconds if left is not None))

    def start(self, job: Job, expected: Expected | None = None) -> None:
        """Starts a job's worker, which waits for jobs started earlier; its output goes to log.txt in the job's folder.

        Args:
            job: the job.
            expected: how long it will take, if that is known.
        """
        if expected is not None:
            job.expect(expected)
        JobQueue(home() / "turns").join(job)
        with self._lock:
            self._looked = None
        self._children = [child for child in self._children if child.poll() is None]
        with (job.folder / "log.txt").open("ab") as log:
            self._children.append(
                subprocess.Popen(
                    [sys.executable, "-m", "demo.background.worker", str(job.folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    **_DETACHED,
                )
            )

    def end(self, folder: Path) -> None:
        """Kills the workers of all jobs in a folder and removes waiting jobs from the queue."""
        JobQueue(home() / "turns").leave(folder)
        for child in self._children:
            if Path(str(child.args[-1])).is_relative_to(folder):  # type: ignore[index]
                child.kill()
                child.wait()
        for lock in folder.rglob("alive.lock"):  # workers started by an earlier process of the app
            Job(lock.parent).kill()
