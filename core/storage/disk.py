"""A full disk, known as one whatever a library makes of it.

What rests on Python's own files raises an OSError with a number. safetensors and tokenizers put the system's sentence into
an error of their own, SQLite has a sentence of its own, torch raises a RuntimeError about positions over the OSError.
"""

from __future__ import annotations

import errno
import re
import shutil
import sys
from pathlib import Path

from core.errors import AttuneError

FULL = (errno.ENOSPC, errno.EDQUOT)  # not EFBIG: more room does not make a file system take larger files
MAX_CAUSES = 20
# With so much free, another disk is full, such as that of temporary files, or no more files fit.
PLENTY_BYTES = 5_000_000_000
KEPT_FREE_BYTES = 500_000_000  # by uploads and imports: everyone's recordings and runs are written to the same disk
# What Rust writes of an OSError: its number is Windows' own there.
_NUMBERS = (112,) if sys.platform == "win32" else FULL
_SAID = re.compile(
    r"no space left on device|disk quota exceeded|not enough space on the disk|database or disk is full"
    rf"|\(os error ({'|'.join(map(str, _NUMBERS))})\)",
    re.IGNORECASE,
)


def is_full(error: BaseException) -> bool:
    """Whether a full disk, or a quota that is used up, is why something failed."""
    return _cause(error) is not None


def explained(error: Exception, folder: Path) -> Exception:
    """Returns what tells a person that the disk is full where that is why something failed, else the error itself.

    Args:
        error: whatever was raised.
        folder: on the disk that was written to.
    """
    cause = None if isinstance(error, AttuneError) else _cause(error)
    if cause is None:
        return error
    room = None if getattr(cause, "errno", None) == errno.EDQUOT else free(folder)
    if room is None or room > PLENTY_BYTES:
        return AttuneError(
            "disk_full",
            "The disk is full, or the share of it that may be used. Nothing that was there is lost. Make room, then try again.",
        )
    return AttuneError(
        "disk_full_free",
        f"The disk is full: {room / 1e6:.1f} MB are free in {folder}, and more is needed. Nothing that was there is lost. "
        "Make room, then try again.",
        free=f"{room / 1e6:.1f}",
    )


def refuse_full(folder: Path, needed: int) -> None:
    """Makes sure that there is room for something before hours are spent on it.

    Args:
        folder: where it will lie.
        needed: bytes.

    Raises:
        AttuneError: there is less.
    """
    room = free(folder)
    if room is not None and room < needed:
        raise AttuneError(
            "disk_needed",
            f"{needed / 1e6:.0f} MB are needed in {folder}, and {room / 1e6:.0f} MB are free. Make room, then try again.",
            needed=f"{needed / 1e6:.0f}",
            free=f"{room / 1e6:.0f}",
        )


def free(folder: Path) -> int | None:
    """Returns how many bytes are free where a folder is or will be; None where the system does not say."""
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
