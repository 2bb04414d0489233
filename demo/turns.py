"""Whose turn it is: runs of all visitors are carried out one at a time, in the order in which they were asked for.

HOME/turns/NUMBER    holds the folder of a run; the lowest number of a run that is not over is next
"""

from __future__ import annotations

import time
from pathlib import Path

from core.errors import RunError
from core.files import replacing
from core.runs import Run, open_run

NOT_OVER = ("waiting", "running")


class Turns:
    """The queue in a folder.

    Args:
        folder: where it lies; made when the first run joins.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def join(self, run: Run) -> None:
        """Puts a run at the end; it is on disk when this returns."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with replacing(self._folder / f"{time.time_ns():020d}") as temporary:
            temporary.write_text(str(run.folder), encoding="utf-8")

    def is_next(self, run: Run) -> bool:
        """Whether no run before this one is waiting or running; a run that never joined need not wait for others'."""
        for path in sorted(self._folder.glob("[0-9]*")) if self._folder.is_dir() else ():
            try:
                first = open_run(Path(path.read_text(encoding="utf-8")))
            except FileNotFoundError:  # another worker has just taken it away
                continue
            except RunError:
                path.unlink(missing_ok=True)
                continue
            if first.folder == run.folder:
                return True
            if first.state() in NOT_OVER:
                return False
            path.unlink(missing_ok=True)
        return True
