"""A trash for folders: they can be restored for a day and are then permanently deleted.

FOLDER/
  ID/                a removed folder, complete
  ID/removed.json    when it was removed
  .ID/               a folder that is being permanently deleted and can no longer be restored
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from core.errors import AttuneError, DatasetError
from core.storage.clock import steady_time
from core.storage.files import read_json, write_json
from core.storage.state import UNREADABLE

UNDO_SECONDS = 86_400  # one day to restore what was removed, as promised in README and on the pages
STAMP = "removed.json"
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")


class Trash:
    """A folder of removed folders.

    Args:
        folder: path of the trash; created when the first folder is put into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, item: Path) -> None:
        """Moves a folder into the trash atomically."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # disk full: deletion makes room, and the day starts with the first sweep
            write_json(item / STAMP, {"at": steady_time()})
        item.replace(self.folder / item.name)

    def items(self) -> list[Path]:
        """Returns the folders that can be restored, most recently removed first."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        there = [path for path in found if _ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]
        return sorted(there, key=lambda path: (-self.removed_at(path), path.name))

    def removed_at(self, item: Path) -> float:
        """Returns when a folder was removed, by `core.storage.clock.steady_time`.

        A folder without a readable date, left by an earlier version or a crash, is stamped with the current time.
        """
        with suppress(OSError, *UNREADABLE):
            at = float(read_json(item / STAMP)["at"])
            if at <= steady_time() + UNDO_SECONDS:
                return at
        now = steady_time()
        with suppress(OSError):
            write_json(item / STAMP, {"at": now})
        return now

    def take_out(self, id: str, to: Path) -> None:
        """Restores a folder as `to`/`id`.

        Raises:
            DatasetError: it is no longer in the trash.
        """
        self._move(id, to / id)
        (to / id / STAMP).unlink(missing_ok=True)

    def delete(self, id: str, beforehand: Callable[[Path], None] = lambda item: None) -> None:
        """Deletes a folder permanently. If a crash interrupts this, it cannot be restored, and `sweep` finishes the deletion.

        Args:
            id: name of the folder.
            beforehand: called with the folder once it can no longer be restored, to delete data derived from it elsewhere.

        Raises:
            DatasetError: it is no longer in the trash.
        """
        self._move(id, self.folder / f".{id}")
        self._finish(self.folder / f".{id}", beforehand)

    def sweep(self, beforehand: Callable[[Path], None] = lambda item: None) -> int:
        """Permanently deletes folders removed more than a day ago, and finishes interrupted deletions.

        A deletion that `beforehand` refuses with an AttuneError is tried again next time.

        Returns:
            The number of folders that were due.
        """
        for path in self.folder.glob(".*") if self.folder.is_dir() else ():
            if path.is_dir() and _ID.fullmatch(path.name[1:]):
                with suppress(AttuneError):
                    self._finish(path, beforehand)
        now = steady_time()
        due = [path.name for path in self.items() if is_over(self.removed_at(path), now)]
        for id in due:
            with suppress(AttuneError):
                self.delete(id, beforehand)
        return len(due)

    def empty(self, beforehand: Callable[[Path], None] = lambda item: None) -> int:
        """Permanently deletes everything in the trash; returns the number of folders."""
        gone = [path.name for path in self.items()]
        for id in gone:
            with suppress(AttuneError):
                self.delete(id, beforehand)
        self.sweep(beforehand)
        return len(gone)

    def _move(self, id: str, to: Path) -> None:
        try:
            if not _ID.fullmatch(id):
                raise FileNotFoundError(id)
            (self.folder / id).replace(to)
        except FileNotFoundError as error:
            raise DatasetError("not_removed", "That is no longer among the removed items, so it cannot be restored.") from error

    def _finish(self, path: Path, beforehand: Callable[[Path], None]) -> None:
        beforehand(path)
        shutil.rmtree(path, ignore_errors=True)


def is_over(removed_at: float, now: float) -> bool:
    """Returns whether the time to restore is over; both times are by `core.storage.clock.steady_time`."""
    return now - removed_at >= UNDO_SECONDS
