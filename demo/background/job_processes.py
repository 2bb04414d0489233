"""One detached child process per job, so that it survives a refresh, a closed tab and a server restart."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.runs.job_folder import Job
from core.storage.files import home
from demo.background.queue import JobQueue

_DETACHED = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}


class Jobs:
    """Starts workers, reaps finished ones, and kills those of deleted folders."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, job: Job) -> None:
        """Starts a job's worker, which waits for jobs started earlier; its output goes to log.txt in the job's folder."""
        JobQueue(home() / "turns").join(job)
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
