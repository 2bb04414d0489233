"""One supervised child process a job, so that it survives a refresh, a closed tab and a restart of the server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from core.runs.job import Job
from core.storage.files import home
from demo.background.queue import JobQueue

_DETACHED = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if sys.platform == "win32" else {"start_new_session": True}


class Jobs:
    """Starts workers and collects the ended ones."""

    def __init__(self) -> None:
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, job: Job) -> None:
        """Starts the worker of a job, which waits for those started before; what it prints goes to log.txt in its folder."""
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
        """Ends the workers of all jobs in a folder, at once, and takes those that wait out of the queue."""
        JobQueue(home() / "turns").leave(folder)
        for child in self._children:
            if Path(str(child.args[-1])).is_relative_to(folder):  # type: ignore[index]
                child.kill()
                child.wait()
        for lock in folder.rglob("alive.lock"):  # of workers that an earlier process of the app started
            Job(lock.parent).kill()
