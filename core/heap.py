"""Memory that was freed: unasked, the C library of Linux keeps most of it, in pieces that fit nothing else."""

from __future__ import annotations

import ctypes
import sys


def return_free_memory() -> None:
    """Gives what was freed back to the system, where the C library is glibc."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
