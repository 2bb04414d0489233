"""How much memory a model needs, and how much there is."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from core.errors import ModelError

LOADING_BYTES = 8  # a parameter: its float32 value and the checkpoint it is read from, at most as wide
LEARNING_BYTES = 24  # a parameter: float32 value, gradient, AdamW's two moments, pretrained value, best checkpoint
WORKING_BYTES = 1_000_000_000  # Python with torch and transformers, and the activations of a batch of short clips
MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")


def needed_to_load(parameters: float) -> float:
    """Returns the bytes that transcribing with a model of so many parameters takes: an estimate from above."""
    return LOADING_BYTES * parameters + WORKING_BYTES


def needed_to_finetune(parameters: float) -> float:
    """Returns the bytes that fine-tuning all of so many parameters takes: an estimate; what is frozen takes 4 each."""
    return LEARNING_BYTES * parameters + WORKING_BYTES


def available() -> float | None:
    """Returns the bytes a process may still take before the computer swaps; None where the system does not say."""
    if MEMINFO.is_file():
        free = next((line for line in MEMINFO.read_text().splitlines() if line.startswith("MemAvailable:")), "")
        return min(float(free.split()[1]) * 1024, _left_to_container()) if free else None
    if sys.platform == "win32":
        return _free_on_windows()
    try:  # macOS says how much there is, not how much is free
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError):
        return None


def refuse_what_does_not_fit(id: str, parameters: float) -> None:
    """Raises before a model is fetched that this computer could not even load.

    Raises:
        ModelError: it needs more memory than is free.
    """
    needed, there = needed_to_load(parameters), available()
    if there is not None and needed > there:
        gigabytes = {"needed": f"{needed / 1e9:.1f}", "available": f"{there / 1e9:.1f}"}
        raise ModelError(
            "model_too_large",
            f"{id} needs about {gigabytes['needed']} GB of memory, and {gigabytes['available']} GB are free here. "
            "Choose a smaller model, or close other programs.",
            id=id,
            **gigabytes,
        )


def _left_to_container() -> float:
    """Returns what a container's limit leaves (cgroup version 2); infinity where there is none."""
    try:
        limit = (CGROUP / "memory.max").read_text().strip()
        used = float((CGROUP / "memory.current").read_text())
        cached = {name: float(n) for name, n in map(str.split, (CGROUP / "memory.stat").read_text().splitlines())}
    except (OSError, ValueError):
        return float("inf")
    return float("inf") if limit == "max" else float(limit) - used + cached.get("inactive_file", 0.0)


def _free_on_windows() -> float | None:
    class Status(ctypes.Structure):  # MEMORYSTATUSEX of the Windows API
        _fields_ = [
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
        ]

    status = Status(length=ctypes.sizeof(Status))
    windows = getattr(ctypes, "windll").kernel32  # noqa: B009 - only there on Windows
    return float(status.free) if windows.GlobalMemoryStatusEx(ctypes.byref(status)) else None
