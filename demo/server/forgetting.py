"""Forgetting a visitor: everything of one session, on disk and in memory.

HOME/sessions/.gone-NAME   a session that is being deleted: no cookie opens it any more, and a crash is gone on with later
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
from demo.background.jobs import Jobs
from demo.background.model_pool import ModelPool
from demo.background.outcomes import Outcomes
from demo.background.tasks import Tasks
from demo.server.answers import Find
from demo.session.session import COOKIE, Session

PREFIX = ".gone-"
PATIENCE_SECONDS = 20.0  # for which work of this process that was asked to stop is waited for
AFTERWARDS_SECONDS = (1.0, 10.0)  # after which what an answer in flight has written is deleted; `sweep` has an eye on it later


class Forgetting:
    """Forgets visitors.

    Args:
        jobs: whose workers are ended.
        tasks: work of this process, which is stopped.
        pool: models that are warm.
        outcomes: the results of runs.
    """

    def __init__(self, jobs: Jobs, tasks: Tasks, pool: ModelPool, outcomes: Outcomes) -> None:
        self._jobs, self._tasks, self._pool, self._outcomes = jobs, tasks, pool, outcomes
        self._forgotten: set[Path] = set()

    def forget(self, session: Session) -> None:
        """Forgets one; when this returns, nothing of it is on disk.

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
        self._jobs.end(folder)  # what was started meanwhile finds no folder
        self._outcomes.forget(folder)
        _finish(gone)
        threading.Thread(target=self._afterwards, args=(session,), daemon=True, name="forget").start()

    def add_route(self, server: FastAPI, find: Find) -> None:
        """Adds the address that forgets whoever posts to it; a foreign page's request does not come so far, see `Guard`.

        Args:
            server: to add it to.
            find: returns a request's session; raises RunError where there is none.
        """

        @server.post("/forget")
        def forget(request: Request) -> Response:
            with suppress(RunError):  # it has been forgotten already
                self.forget(find(request))
            response = RedirectResponse("/", 303)
            response.delete_cookie(COOKIE, httponly=True, samesite="lax")
            return response

    def sweep(self) -> None:
        """Finishes deletions that a crash cut short, and deletes what work that could not be stopped has written since."""
        for gone in (home() / "sessions").glob(f"{PREFIX}*"):
            _finish(gone)
        for folder in tuple(self._forgotten):
            shutil.rmtree(folder, ignore_errors=True)

    def _afterwards(self, session: Session) -> None:
        """Deletes what was still being written meanwhile, and lets go of models, one of which may be in use for a while."""
        for seconds in AFTERWARDS_SECONDS:
            time.sleep(seconds)
            shutil.rmtree(session.folder, ignore_errors=True)
        while self._tasks.end(session.name):
            time.sleep(1)
        shutil.rmtree(session.folder, ignore_errors=True)
        self._pool.forget(session.folder)


def _finish(gone: Path) -> None:
    """Deletes a session's cache entries, then its folder: what is found by it goes before it."""
    forget_sounds(set(_fingerprints(gone)))
    shutil.rmtree(gone, ignore_errors=True)


def _fingerprints(folder: Path) -> Iterator[str]:
    for path in (folder / "recordings" / "audio").glob("*.flac"):
        with suppress(AttuneError):  # of a damaged sound nothing was computed
            yield sound_files.fingerprint(sound_files.decode(path, sound_files.MAX_SECONDS + 1))
    for path in (folder / "library").rglob("clips.jsonl"):
        for stored in read_clips(path.parent):
            yield stored.fingerprint
