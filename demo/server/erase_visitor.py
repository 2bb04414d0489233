"""Forgetting visitors: deletion of everything a session has on disk and in memory.

HOME/sessions/.gone-NAME   a session being deleted: no cookie opens it any more; if a crash interrupts this, `sweep` finishes it
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response

from core.audio import sound_files
from core.data.library.stored_set import read_clips
from core.errors import AttuneError, RunError
from core.storage.cache import forget_sounds
from core.storage.files import home
from demo.background.job_processes import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.background.tasks import Tasks
from demo.server.answers import Find
from demo.session.session import COOKIE, Session

PREFIX = ".gone-"
PATIENCE_SECONDS = 20.0  # how long to wait for this process's tasks to stop
AFTERWARDS_SECONDS = (1.0, 10.0)  # delays before deleting what requests in flight have written; `sweep` catches the rest


class Forgetting:
    """Forgets visitors.

    Args:
        jobs: whose workers are killed.
        tasks: background tasks of this process, which are stopped.
        pool: models in memory, of which the session's are dropped.
        outcomes: cached outcomes of runs, of which the session's are dropped.
    """

    def __init__(self, jobs: Jobs, tasks: Tasks, pool: ModelPool, outcomes: Outcomes) -> None:
        self._jobs, self._tasks, self._pool, self._outcomes = jobs, tasks, pool, outcomes
        self._forgotten: set[Path] = set()

    def forget(self, session: Session) -> None:
        """Forgets a session; when this returns, its folder is gone.

        Raises:
            OSError: its folder cannot be moved; nothing was deleted.
        """
        folder = session.folder
        self._jobs.end(folder)
        patient_until = time.monotonic() + PATIENCE_SECONDS
        while self._tasks.end(session.name) and time.monotonic() < patient_until:
            time.sleep(0.05)
        gone = folder.with_name(PREFIX + folder.name)
        self._forgotten.add(folder)
        folder.replace(gone)
        self._jobs.end(folder)  # jobs started meanwhile find no folder
        self._outcomes.forget(folder)
        _finish(gone)
        threading.Thread(target=self._afterwards, args=(session,), daemon=True, name="forget").start()

    def add_route(self, server: FastAPI, find: Find) -> None:
        """Adds the route that forgets the visitor who posts to it; `Guard` has already refused requests from foreign pages.

        Args:
            server: to add the route to.
            find: returns a request's session; raises RunError if there is none.
        """

        @server.post("/forget")
        def forget(request: Request) -> Response:
            with suppress(RunError):  # already forgotten
                self.forget(find(request))
            response = RedirectResponse("/", 303)
            response.delete_cookie(COOKIE, httponly=True, samesite="lax")
            return response

    def sweep(self) -> None:
        """Finishes deletions interrupted by a crash, and deletes what tasks that could not be stopped have written since."""
        for gone in (home() / "sessions").glob(f"{PREFIX}*"):
            _finish(gone)
        for folder in tuple(self._forgotten):
            shutil.rmtree(folder, ignore_errors=True)

    def _afterwards(self, session: Session) -> None:
        """Deletes late writes, waits for the session's tasks to end, and drops its models."""
        for seconds in AFTERWARDS_SECONDS:
            time.sleep(seconds)
            shutil.rmtree(session.folder, ignore_errors=True)
        while self._tasks.end(session.name):
            time.sleep(1)
        shutil.rmtree(session.folder, ignore_errors=True)
        self._pool.forget(session.folder)


def _finish(gone: Path) -> None:
    """Deletes a session's cache entries and then its folder, which is needed to find them."""
    forget_sounds(set(_fingerprints(gone)))
    shutil.rmtree(gone, ignore_errors=True)


def _fingerprints(folder: Path) -> Iterator[str]:
    for path in (folder / "recordings" / "audio").glob("*.flac"):
        with suppress(AttuneError):  # nothing is cached for a damaged sound
            yield sound_files.fingerprint(sound_files.decode(path, sound_files.MAX_SECONDS + 1))
    for path in (folder / "library").rglob("clips.jsonl"):
        for stored in read_clips(path.parent):
            yield stored.fingerprint
