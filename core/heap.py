"""What the C library does with memory that was freed: unasked, glibc keeps most of it, in pieces that fit nothing else."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
BLOCK_BYTES = 8 << 20  # blocks at least so large are given back at once; smaller ones cost more time than they are worth


def give_large_blocks_back() -> None:
    """Has this process give large blocks back as soon as they are freed. For processes of which training is the only job."""
    library = _library()
    if library is not None:
        library.mallopt(M_MMAP_THRESHOLD, BLOCK_BYTES)


def return_free_memory() -> None:
    """Gives what was freed so far back to the system."""
    library = _library()
    if library is not None:
        library.malloc_trim(0)


def _library() -> Any:
    """Returns glibc, or None where the C library is another."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") and hasattr(library, "mallopt") else None
