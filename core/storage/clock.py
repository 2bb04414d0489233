"""A clock for measuring how long ago something was removed. Changing the computer's clock does not affect it."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from core.storage.files import home, read_json, write_json
from core.storage.state import UNREADABLE

FILE = "clock.json"  # in the home folder
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def steady_time() -> float:
    """Returns seconds since 1970: the computer's clock at the first call since it started, plus the uptime since then.

    After a restart, only the computer's clock can tell how much time has passed, so it is trusted once. On systems that do
    not identify their starts, this happens once per process.
    """
    start, uptime, path = _start(), _uptime(), home() / FILE
    with suppress(OSError, *UNREADABLE):
        known = read_json(path)
        if known["start"] == start:
            return float(known["began"]) + uptime
    now = time.time()
    with suppress(OSError):  # a full disk: the clock is trusted once more
        write_json(path, {"start": start, "began": now - uptime})
    return now


def _start() -> str:
    with suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return f"process {os.getpid()}"


def _uptime() -> float:
    """Seconds since the computer started, including sleep where the system counts it."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
