"""Files uploaded by a browser, private to its session and kept until a handler takes them over or an hour has passed.

SESSION/uploads/ID/NAME      one file; NAME is its owner's name for it

The browser gets "ID/NAME" and sends it back with an event. Only the id is used, and only in the session that uploaded the
file: a path from a request is never opened.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.data.library.recordings import Recording
from core.errors import AttuneError, DatasetError
from core.storage.files import home
from core.storage.state import remove
from demo.session.session import Session

KEPT_SECONDS = 3600.0
_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Upload:
    """An upload as named by a request; not to be trusted until `find` has found it.

    Attributes:
        id: of the upload; "" if the request names something else.
        name: of the file on the visitor's computer.
    """

    id: str
    name: str = ""


def named(value: Any) -> Upload | tuple[Upload, ...] | None:
    """Returns the uploads that a request names for a component: one, several, or None for an empty component."""
    if value is None:
        return None
    if isinstance(value, list):
        return tuple(_named(one) for one in value)
    return _named(value)


def _named(value: Any) -> Upload:
    path, name = (value.get(key) if isinstance(value, dict) else None for key in ("path", "orig_name"))
    id = path.partition("/")[0] if isinstance(path, str) else ""
    return Upload(id if _ID.fullmatch(id) else "", name if isinstance(name, str) else "")


def folder(owner: Session) -> Path:
    """Returns the folder of a session's uploads."""
    return owner.folder / "uploads"


def find(owner: Session, id: str) -> Path:
    """Returns the file of an upload of this session.

    Raises:
        DatasetError: there is no such upload, or no longer.
    """
    place = folder(owner) / id
    if _ID.fullmatch(id) and stat.S_ISDIR(_mode(place)):
        for path in place.iterdir():
            if stat.S_ISREG(_mode(path)):
                return path
    raise DatasetError("upload_missing", "That file was not uploaded here, or over an hour ago. Choose it again.")


def move(owner: Session, upload: Upload, to: Path) -> Path:
    """Moves an upload to a new path; the upload no longer exists afterwards.

    Raises:
        DatasetError: as `find`.
    """
    path = find(owner, upload.id)
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.rename(to)
    except FileNotFoundError:  # another event has just taken it over
        find(owner, upload.id)
        raise
    shutil.rmtree(path.parent, ignore_errors=True)
    return to


@contextmanager
def taken(owner: Session, upload: Upload) -> Iterator[Path]:
    """Takes an upload over: yields its file, moved within the session's folder, and deletes it afterwards.

    If something fails that is not the file's fault, such as a full disk, the upload is put back for another try.

    Raises:
        DatasetError: as `find`.
    """
    name = find(owner, upload.id).name
    path = move(owner, upload, owner.folder / "incoming" / upload.id / name)
    try:
        yield path
    except AttuneError:
        raise
    except BaseException:
        back = folder(owner) / upload.id
        back.mkdir(parents=True, exist_ok=True)
        path.rename(back / name)
        raise
    finally:
        shutil.rmtree(path.parent, ignore_errors=True)


def keep(owner: Session, upload: Upload) -> Recording:
    """Adds an upload to the session's recordings under the same id; calling it again returns the same recording.

    Raises:
        DatasetError: as `find`, or there are too many recordings.
        AudioError: the file cannot be used.
        OSError: the disk is full; the upload is still there.
    """
    for recording in owner.recordings.all():
        if recording.id == upload.id:
            return recording
    with taken(owner, upload) as path:
        return owner.recordings.add(path, upload.id)


def sweep(seconds: float = KEPT_SECONDS) -> None:
    """Deletes uploads older than `seconds`, and leftovers of crashes while one was being taken over."""
    oldest = time.time() - seconds
    sessions, earlier = home() / "sessions", home() / "uploads"  # where older versions kept them
    for place in (*sessions.glob("*/uploads/*"), *sessions.glob("*/incoming/*"), *earlier.glob("*")):
        if _changed(place) < oldest:
            remove(place)


def _mode(path: Path) -> int:
    """Returns the mode of a file, without following links; 0 if there is none."""
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _changed(path: Path) -> float:
    """Returns when a file was last changed, in seconds since 1970; infinity if it is gone."""
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return float("inf")
