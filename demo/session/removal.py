"""What a visitor removes: for a day it can be restored, then nothing of it is left on disk.

Recordings, sets, and clips left out of sets are removed by `core.data.library`; here are runs, ladders and long recordings,
what was made of a clip elsewhere in a session, and the sweep that does what is due.
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
from core.data.library.library import Library
from core.data.library.trash import UNDO_SECONDS, Trash
from core.errors import AttuneError, RunError
from core.runs.job import Job
from core.runs.removed_clips import is_active, jobs_in, refuse_active, uses, withdraw
from core.storage import temporary
from core.storage.files import home
from core.storage.state import lock
from demo.session import reading_list, uploads
from demo.session.session import Session

KINDS = ("runs", "ladders", "long")  # folders of a session; what is removed of one lies in its .trash
SWEEP_SECONDS = 600.0  # between two looks at what is due
_HALF = re.compile(r"\..+-[a-z0-9_]{8}(\.\w+)?")  # as versions before this one called them


def jobs_of(session: Session) -> Iterator[Job]:
    """Yields a session's runs and ladders, removed ones among them."""
    folders = [session.folder / kind for kind in ("runs", "ladders")]
    return chain.from_iterable(jobs_in(folder) for kind in folders for folder in (kind, kind / ".trash"))


def refuse_in_use(session: Session, sounds: frozenset[Path]) -> None:
    """Makes sure that no job works on sounds that are to be deleted for good.

    Raises:
        RunError: one does.
    """
    refuse_active(jobs_of(session), sounds)


def forget_clips(session: Session, sounds: frozenset[Path]) -> None:
    """Deletes what was made of clips in other places of a session, as their sounds are about to be deleted for good.

    Args:
        session: whose.
        sounds: their files.

    Raises:
        RunError: a job works on one of them.
        OSError: the disk is full.
    """
    refuse_in_use(session, sounds)
    for job in jobs_of(session):
        withdraw(job, sounds)
    # A clip of a set has the id of the recording it was made from, which may still be there.
    kept = {recording.id for recording in (*session.recordings.all(), *session.recordings.removed())}
    ids = {path.stem for path in sounds} - kept
    reading_list.forget(session, ids)
    if session.choices.clip in ids:
        session.choose(clip="", heard="")
    (session.folder / "augmented.flac").unlink(missing_ok=True)  # it may be one of them
    shutil.rmtree(session.folder / "exports", ignore_errors=True)  # made again when someone asks for one


def also_in(session: Session, path: Path) -> list[str]:
    """Returns the names of the library's sets that hold a copy of a sound."""
    with suppress(AttuneError):
        sound = sound_files.fingerprint(sound_files.decode(path, sound_files.MAX_SECONDS + 1))
        return [one.name for one in session.library.sets() if any(clip.fingerprint == sound for clip in one.clips)]
    return []


def learnt_from(session: Session, path: Path) -> int:
    """Returns how many runs have a sound among their clips."""
    return sum(uses(job, {path}) for job in jobs_in(session.folder / "runs"))


def trash(session: Session, kind: str) -> Trash:
    """Returns what was removed of one of `KINDS`."""
    return Trash(session.folder / kind / ".trash")


def remove(session: Session, kind: str, id: str) -> None:
    """Removes a run, a ladder or a long recording.

    Raises:
        RunError: there is none of that id, or it is at work.
    """
    found = {path.name: path for path in (session.folder / kind).glob("[0-9A-Za-z]*")}.get(id)
    if found is None:
        raise RunError("removal_missing", "That is no longer there.")
    if is_active(Job(found)):
        raise RunError("removal_running", "A fine-tune that uses this is running. Stop it, or wait until it has ended.")
    trash(session, kind).put(found)


def sweep(session: Session) -> None:
    """Deletes for good what was removed over a day ago, and goes on with what a crash kept from being deleted."""
    beforehand = partial(forget_clips, session)
    session.recordings.sweep(beforehand)
    session.library.sweep(beforehand)
    for kind in KINDS:
        trash(session, kind).sweep()
    _sweep_halves(session.folder)
    if (session.folder / "imports").is_dir():
        with suppress(Timeout), lock(session.folder / "imports.lock").acquire(timeout=0):  # nobody has one in hand
            _delete_old(session.folder / "imports", UNDO_SECONDS)


def sweep_all() -> None:
    """Does that for every session, and for the library of this computer's user; old uploads go too."""
    _logged(partial(temporary.sweep, home(), deep=True))
    for folder in sorted(path for path in (home() / "sessions").glob("[0-9a-f]*") if path.is_dir()):
        _logged(partial(sweep, Session(folder)))
    library = home() / "library"
    _logged(Library(library).sweep)
    _logged(partial(_sweep_halves, library))
    _logged(uploads.sweep)


def sweep_now_and_then(*also: Callable[[], None]) -> None:
    """Starts a thread that sweeps, at once and every ten minutes, and does what else is to be done as often."""

    def work() -> None:
        while True:
            for one in (*also, sweep_all):
                _logged(one)
            time.sleep(SWEEP_SECONDS)

    threading.Thread(target=work, daemon=True, name="sweep").start()


def _sweep_halves(folder: Path) -> None:
    """Deletes what a crash of an older version left half written, a day after; `core.storage.temporary` does today's."""
    for path in folder.rglob(".*-*"):
        with suppress(OSError):  # someone else has just renamed it
            if _HALF.fullmatch(path.name) and time.time() - path.stat().st_mtime > UNDO_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _delete_old(folder: Path, seconds: float) -> None:
    """Deletes what in a folder was last changed so long ago."""
    old = []
    for path in sorted(folder.rglob("*"), reverse=True):  # a folder after its files
        with suppress(OSError):  # someone else has just taken it
            if time.time() - path.stat().st_mtime > seconds:
                old.append(path)
    for path in old:
        with suppress(OSError):  # likewise, or a folder that is not empty
            path.rmdir() if path.is_dir() else path.unlink()


def _logged(work: Callable[[], None]) -> None:
    try:
        work()
    except Exception:  # a damaged folder must not keep the others from being swept
        logging.exception("sweeping failed")
