"""A clock for measuring how long ago something was removed. Setting the computer's clock does not change it."""

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
    """Returns the time in seconds since 1970, as it was when first asked for since the computer started, and counted on.

    Between two starts of the computer nothing but its clock tells the time, so that one is believed then. Where a system
    does not say which start this is, the same holds between two processes.
    """
    start, uptime, path = _start(), _uptime(), home() / FILE
    with suppress(OSError, *UNREADABLE):
        known = read_json(path)
        if known["start"] == start:
            return float(known["began"]) + uptime
    now = time.time()
    with suppress(OSError):  # a full disk: the clock is believed once more
        write_json(path, {"start": start, "began": now - uptime})
    return now


def _start() -> str:
    with suppress(OSError):
        return _BOOT_ID.read_text(encoding="ascii").strip()
    return f"process {os.getpid()}"


def _uptime() -> float:
    """Seconds since the computer started; where the system counts it, time asleep is in it."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()
