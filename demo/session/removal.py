"""Removal of a visitor's data: it can be restored for a day, then it is deleted from disk for good.

`core.data.library` removes recordings, sets, and clips left out of sets; this module removes runs, ladders and long
recordings, deletes whatever in a session derives from a clip, and runs the sweep that deletes what is due.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import chain
from pathlib import Path

from filelock import Timeout

from core.audio import sound_files
from core.data.library.folder_trash import UNDO_SECONDS, Trash
from core.data.library.library import Library
from core.errors import AttuneError, RunError
from core.runs.deleted_clips import is_active, jobs_in, refuse_active, uses, withdraw
from core.runs.job_folder import Job
from core.storage import temporary
from core.storage.files import home
from core.storage.state import lock
from demo.session import reading_list, uploads
from demo.session.session import Session

KINDS = ("runs", "ladders", "long")  # folders of a session; removed items are in the .trash of each
SWEEP_SECONDS = 600.0  # between sweeps
_HALF = re.compile(r"\..+-[a-z0-9_]{8}(\.\w+)?")  # names of half-written files in older versions


def jobs_of(session: Session) -> Iterator[Job]:
    """Yields a session's runs and ladders, including removed ones."""
    folders = [session.folder / kind for kind in ("runs", "ladders")]
    return chain.from_iterable(jobs_in(folder) for kind in folders for folder in (kind, kind / ".trash"))


def refuse_in_use(session: Session, sounds: frozenset[Path]) -> None:
    """Makes sure that no active job uses sounds about to be deleted for good.

    Raises:
        RunError: a job is using one of them.
    """
    refuse_active(jobs_of(session), sounds)


def forget_clips(session: Session, sounds: frozenset[Path]) -> None:
    """Deletes everything in a session derived from clips whose sounds are about to be deleted for good.

    Args:
        session: the owner of the clips.
        sounds: the clips' sound files.

    Raises:
        RunError: a job is using one of them.
        OSError: the disk is full.
    """
    refuse_in_use(session, sounds)
    for job in jobs_of(session):
        withdraw(job, sounds)
    # A clip of a set has the id of the recording it was made from, which may still exist.
    kept = {recording.id for recording in (*session.recordings.all(), *session.recordings.removed())}
    ids = {path.stem for path in sounds} - kept
    reading_list.forget(session, ids)
    if session.choices.clip in ids:
        session.choose(clip="", heard="", spoken="")
    (session.folder / "augmented.flac").unlink(missing_ok=True)  # may be derived from one of them
    shutil.rmtree(session.folder / "exports", ignore_errors=True)  # recreated on request


def also_in(session: Session, path: Path) -> list[str]:
    """Returns the names of the library's sets that contain a copy of a sound."""
    with suppress(AttuneError):
        sound = sound_files.fingerprint(sound_files.decode(path, sound_files.MAX_SECONDS + 1))
        return [one.name for one in session.library.sets() if any(clip.fingerprint == sound for clip in one.clips)]
    return []


def learnt_from(session: Session, path: Path) -> int:
    """Returns how many runs use a sound."""
    return sum(uses(job, {path}) for job in jobs_in(session.folder / "runs"))


def trash(session: Session, kind: str) -> Trash:
    """Returns the trash of one of `KINDS`."""
    return Trash(session.folder / kind / ".trash")


def remove(session: Session, kind: str, id: str) -> None:
    """Removes a run, a ladder or a long recording.

    Raises:
        RunError: there is none of that id, or it is active.
    """
    found = {path.name: path for path in (session.folder / kind).glob("[0-9A-Za-z]*")}.get(id)
    if found is None:
        raise RunError("removal_missing", "That no longer exists.")
    if is_active(Job(found)):
        raise RunError("removal_running", "A running fine-tune uses this. Stop it, or wait until it has finished.")
    trash(session, kind).put(found)


def sweep(session: Session) -> None:
    """Deletes for good what was removed over a day ago, and finishes deletions interrupted by a crash."""
    beforehand = partial(forget_clips, session)
    session.recordings.sweep(beforehand)
    session.library.sweep(beforehand)
    for kind in KINDS:
        trash(session, kind).sweep()
    _sweep_halves(session.folder)
    if (session.folder / "imports").is_dir():
        with suppress(Timeout), lock(session.folder / "imports.lock").acquire(timeout=0):  # no import is in progress
            _delete_old(session.folder / "imports", UNDO_SECONDS)


def sweep_all() -> None:
    """Sweeps every session and the library of this computer's user, and deletes old uploads and temporary files."""
    _logged(partial(temporary.sweep, home(), deep=True))
    for folder in sorted(path for path in (home() / "sessions").glob("[0-9a-f]*") if path.is_dir()):
        _logged(partial(sweep, Session(folder)))
    library = home() / "library"
    _logged(Library(library).sweep)
    _logged(partial(_sweep_halves, library))
    _logged(uploads.sweep)


def sweep_now_and_then(*also: Callable[[], None]) -> None:
    """Starts a thread that runs `also` and a sweep of all sessions, now and every ten minutes."""

    def work() -> None:
        while True:
            for one in (*also, sweep_all):
                _logged(one)
            time.sleep(SWEEP_SECONDS)

    threading.Thread(target=work, daemon=True, name="sweep").start()


def _sweep_halves(folder: Path) -> None:
    """Deletes day-old half-written files of crashed older versions; `core.storage.temporary` handles current ones."""
    for path in folder.rglob(".*-*"):
        with suppress(OSError):  # it has just been renamed
            if _HALF.fullmatch(path.name) and time.time() - path.stat().st_mtime > UNDO_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _delete_old(folder: Path, seconds: float) -> None:
    """Deletes everything in a folder last changed more than `seconds` ago."""
    old = []
    for path in sorted(folder.rglob("*"), reverse=True):  # files before their folder
        with suppress(OSError):  # it has just been taken over
            if time.time() - path.stat().st_mtime > seconds:
                old.append(path)
    for path in old:
        with suppress(OSError):  # likewise, or a non-empty folder
            path.rmdir() if path.is_dir() else path.unlink()


def _logged(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # one damaged folder must not stop the sweep of the others
        logging.exception("sweeping failed")
