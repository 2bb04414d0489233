"""Memory that was freed: unasked, the C library of Linux keeps most of it, in pieces that fit nothing else."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

ARENAS = 2
LARGE_BYTES = 4_000_000  # weights and the activations of whole clips
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD of glibc's malloc.h


def keep_heap_small() -> None:
    """Lets all threads share two stores of free memory, and none keep what is large, where the C library is glibc.

    Unasked it makes a store for each of up to eight threads a core, and what is freed in one serves no other; and after a
    large piece was freed, others of its size come from a store too. To be called before other threads begin.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_ARENA_MAX, ARENAS)
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def return_free_memory() -> None:
    """Gives what was freed back to the system, where the C library is glibc."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _of_glibc(name: str) -> Any:
    """A function of the C library; None where it is not glibc, which alone has `malloc_trim`."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return getattr(library, name) if hasattr(library, "malloc_trim") else None
