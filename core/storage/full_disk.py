"""Recognises a full disk, whatever error a library raises for it.

Code that uses Python's files raises an OSError with a number. safetensors and tokenizers put the system's sentence into
their own error, SQLite has its own sentence, and torch raises a RuntimeError about positions from the OSError.
"""

from __future__ import annotations

import errno
import re
import shutil
import sys
from pathlib import Path

from core.errors import AttuneError

FULL = (errno.ENOSPC, errno.EDQUOT)  # not EFBIG: more space does not make a file system accept larger files
MAX_CAUSES = 20
# With this much free, another disk is full, such as that of temporary files, or the file system is out of inodes.
PLENTY_BYTES = 5_000_000_000
KEPT_FREE_BYTES = 500_000_000  # left free by uploads and imports: everyone's recordings and runs are written to the same disk
# How Rust prints an OSError; on Windows the number is Windows' own.
_NUMBERS = (112,) if sys.platform == "win32" else FULL
_SAID = re.compile(
    r"no space left on device|disk quota exceeded|not enough space on the disk|database or disk is full"
    rf"|\(os error ({'|'.join(map(str, _NUMBERS))})\)",
    re.IGNORECASE,
)


def is_full(error: BaseException) -> bool:
    """Whether an error was caused by a full disk or an exhausted quota."""
    return _cause(error) is not None


def explained(error: Exception, folder: Path) -> Exception:
    """Returns an error that explains the full disk if that caused `error`, otherwise `error` itself.

    Args:
        error: any error.
        folder: on the disk that was written to.
    """
    cause = None if isinstance(error, AttuneError) else _cause(error)
    if cause is None:
        return error
    room = None if getattr(cause, "errno", None) == errno.EDQUOT else free(folder)
    if room is None or room > PLENTY_BYTES:
        return AttuneError(
            "disk_full",
            "The disk is full, or its quota is used up. Nothing that was saved is lost. Free up space, then try again.",
        )
    return AttuneError(
        "disk_full_free",
        f"The disk is full: {room / 1e6:.1f} MB is free in {folder}, and more is needed. Nothing that was saved is lost. "
        "Free up space, then try again.",
        free=f"{room / 1e6:.1f}",
    )


def refuse_full(folder: Path, needed: int) -> None:
    """Checks that there is enough disk space before hours are spent on a job.

    Args:
        folder: where the output will be written.
        needed: bytes.

    Raises:
        AttuneError: there is less.
    """
    room = free(folder)
    if room is not None and room < needed:
        raise AttuneError(
            "disk_needed",
            f"{needed / 1e6:.0f} MB is needed in {folder}, and {room / 1e6:.0f} MB is free. Free up space, then try again.",
            needed=f"{needed / 1e6:.0f}",
            free=f"{room / 1e6:.0f}",
        )


def free(folder: Path) -> int | None:
    """Returns how many bytes are free where a folder is or will be; None if the system does not say."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def _cause(error: BaseException) -> BaseException | None:
    current: BaseException | None = error
    for _ in range(MAX_CAUSES):
        if current is None:
            return None
        if isinstance(current, OSError) and current.errno is not None:
            if current.errno in FULL:
                return current
        elif not isinstance(current, AttuneError) and _SAID.search(str(current)):
            return current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return None
