"""How much memory a model needs, how much is available, and returning freed memory to the system.

By default, the C library of Linux keeps most freed memory, in pieces that fit nothing else.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any

import psutil

from core.errors import ModelError

LOADING_BYTES = 8  # a parameter: its float32 value and the checkpoint it is read from, at most as wide
LEARNING_BYTES = 24  # a parameter: float32 value, gradient, AdamW's two moments, pretrained value, best checkpoint
WORKING_BYTES = 1_000_000_000  # Python with torch and transformers, and the activations of a batch of short clips
CGROUP = Path("/sys/fs/cgroup")
ARENAS = 2
LARGE_BYTES = 4_000_000  # weights and the activations of whole clips
# oneDNN, torch's CPU library, prepares a kernel for every matrix size and by default caches the last 1,024 with their
# memory. With AMX, preparing one takes a millisecond and up to 0.5 MB; a fine-tune keeps using about 400. oneDNN reads this
# variable when it first computes.
FEW_SIZES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "512")
GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD of glibc's malloc.h


def needed_to_load(parameters: float) -> float:
    """Returns an upper estimate of the bytes needed to transcribe with a model of this many parameters."""
    return LOADING_BYTES * parameters + WORKING_BYTES


def needed_to_finetune(parameters: float) -> float:
    """Returns an estimate of the bytes needed to fine-tune this many parameters; a frozen one takes 4."""
    return LEARNING_BYTES * parameters + WORKING_BYTES


def available() -> float:
    """Returns the bytes a process may still use before the computer swaps or its container's limit ends it."""
    return min(float(psutil.virtual_memory().available), _left_to_container())


def refuse_what_does_not_fit(id: str, parameters: float) -> None:
    """Refuses a model, before it is downloaded, that this computer could not even load.

    Raises:
        ModelError: it needs more memory than is free.
    """
    needed, there = needed_to_load(parameters), available()
    if needed > there:
        gigabytes = {"needed": f"{needed / 1e9:.1f}", "available": f"{there / 1e9:.1f}"}
        raise ModelError(
            "model_too_large",
            f"{id} needs about {gigabytes['needed']} GB of memory, and {gigabytes['available']} GB is free here. "
            "Choose a smaller model, or close other programs.",
            id=id,
            **gigabytes,
        )


def keep_heap_small() -> None:
    """With glibc, makes all threads share two malloc arenas and returns large blocks to the system when they are freed.

    By default glibc makes an arena for each of up to eight threads per core, and memory freed in one serves no other; and
    once a large block has been freed, blocks of its size come from an arena too. Call this before other threads start.
    """
    mallopt = _of_glibc("mallopt")
    if mallopt is not None:
        mallopt(_ARENA_MAX, ARENAS)
        mallopt(_MMAP_THRESHOLD, LARGE_BYTES)


def keep_torch_small() -> None:
    """Reduces the memory that torch uses. Programs call it before torch is imported.

    Without a GPU, triton, which generates GPU code, counts as not installed: transformers makes torch load it in any case,
    which takes 73 MB per process. oneDNN caches fewer prepared kernels, unless the environment sets their number.
    """
    if not any(Path(device).exists() for device in GPU_DEVICES):
        sys.modules.setdefault("triton", None)  # type: ignore[arg-type]  # so that it counts as not installed
    os.environ.setdefault(*FEW_SIZES)


def return_free_memory() -> None:
    """Returns freed memory to the system, if the C library is glibc."""
    trim = _of_glibc("malloc_trim")
    if trim is not None:
        trim(0)


def _left_to_container() -> float:
    """Returns the bytes left below a container's limit (cgroup version 2); infinity if there is none."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = float((CGROUP / "memory.current").read_text())
        cached = {name: float(n) for name, n in map(str.split, (CGROUP / "memory.stat").read_text().splitlines())}
    except (OSError, ValueError):
        return float("inf")
    return float("inf") if limit == "max" else float(limit) - used + cached.get("inactive_file", 0.0)


def _of_glibc(name: str) -> Any:
    """Returns a function of the C library; None unless it is glibc, the only one with `malloc_trim`."""
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    return getattr(library, name) if hasattr(library, "malloc_trim") else None
