"""Cache of run outcomes, since computing one means reading every clip."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

from core.errors import RunError
from core.runs.outcome import Outcome, read_outcome
from core.runs.run_folder import Run

PLACES = 8


class Outcomes:
    """The most recently used outcomes, of all browsers; one thread at a time computes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], Outcome] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: Run) -> Outcome:
        """Returns the outcome of a finished run.

        Raises:
            RunError: the run is not finished.
        """
        try:
            written = (run.folder / "result.json").stat().st_mtime_ns
        except FileNotFoundError as error:
            raise RunError("run_unfinished", f"The run in {run.folder} has no adapted model yet.") from error
        key = (str(run.folder), written)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = read_outcome(run)
            self._kept.move_to_end(key)
            while len(self._kept) > PLACES:
                self._kept.popitem(last=False)
            return self._kept[key]

    def forget(self, folder: Path) -> None:
        """Drops the outcomes of the runs in a folder."""
        with self._lock:
            for key in [key for key in self._kept if Path(key[0]).is_relative_to(folder)]:
                del self._kept[key]
