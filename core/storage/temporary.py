"""Temporary files and folders, and removing those that a killed process left behind.

Each is in the folder of what it becomes or serves, its name begins with `MARK`, and the process that made it holds a lock on
it. The system releases the lock however that process ends, so an unlocked one is a leftover.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

if os.name != "nt":
    import fcntl

MARK = ".attune-"
MAX_NAME_CHARACTERS = 40  # of what it is for, in its name
FREE_SECONDS = 3_600  # since the last change: some network file systems do not show locks to other computers
UNKNOWN_SECONDS = 86_400  # where there are no such locks: Windows, and some network file systems


@contextmanager
def temporary_file(path: Path) -> Iterator[Path]:
    """Yields a new file next to `path`, with its suffix; unless it is renamed, it is deleted afterwards."""
    handle, name = tempfile.mkstemp(path.suffix, _prefix(path.stem), path.parent)
    try:
        held = _hold(handle)
        yield Path(name)
    finally:
        if held is not None:
            os.close(held)
        Path(name).unlink(missing_ok=True)


@contextmanager
def temporary_folder(parent: Path, name: str) -> Iterator[Path]:
    """Yields a new folder in `parent`; unless it is renamed, it is deleted afterwards. Removes leftovers in `parent` first.

    Args:
        parent: where; made if it is missing.
        name: what it is for.
    """
    parent.mkdir(parents=True, exist_ok=True)
    sweep(parent)
    folder = Path(tempfile.mkdtemp(prefix=_prefix(name), dir=parent))
    held = None if os.name == "nt" else _hold(os.open(folder, os.O_RDONLY))
    try:
        yield folder
    finally:
        if held is not None:
            os.close(held)
        shutil.rmtree(folder, ignore_errors=True)


def discard(folder: Path, into: Path | None = None) -> None:
    """Removes a folder of any size without waiting: renames it, then deletes it in the background.

    Args:
        folder: to remove; it may be missing.
        into: a folder on the same file system where it waits to be deleted; by default its parent.
    """
    waiting = (into or folder.parent) / f"{_prefix('discarded')}{secrets.token_hex(4)}"
    try:
        folder.rename(waiting)
    except OSError:  # it is missing, or Windows has a file of it in use
        shutil.rmtree(folder, ignore_errors=True)
    else:
        threading.Thread(target=shutil.rmtree, args=(waiting, True), name="discard").start()


def sweep(folder: Path, deep: bool = False) -> int:
    """Removes what killed processes left in a folder, but nothing that a running process holds.

    Args:
        folder: where to look; it may be missing.
        deep: also look in all subfolders, without following links.

    Returns:
        How many files and folders were removed.
    """
    removed = 0
    for at, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            if name.startswith(MARK):
                removed += _remove_if_left(os.path.join(at, name))
        folders[:] = [name for name in folders if not name.startswith(MARK)] if deep else []
    return removed


def _prefix(name: str) -> str:
    return f"{MARK}{name[:MAX_NAME_CHARACTERS]}-"


def _hold(handle: int) -> int | None:
    """Locks an open file until it is closed; returns it, or closes it and returns None if locks are not supported."""
    if os.name != "nt":
        with suppress(OSError):  # of file systems without
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
    os.close(handle)
    return None


def _remove_if_left(path: str) -> bool:
    handle = None
    try:
        if os.path.islink(path):
            return False
        age = time.time() - os.lstat(path).st_mtime
        if os.name == "nt":
            left = age > UNKNOWN_SECONDS
        else:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            left = age > (FREE_SECONDS if _is_free(handle) else UNKNOWN_SECONDS)
        if left:
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        return left
    except BlockingIOError:  # it is held
        return False
    except OSError:  # already deleted, or another user's
        return False
    finally:
        if handle is not None:
            os.close(handle)


def _is_free(handle: int) -> bool:
    """Takes the lock; False if locks are not supported.

    Raises:
        BlockingIOError: another process holds it.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            raise
        return False
    return True
