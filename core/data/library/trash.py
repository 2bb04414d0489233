"""Folders that were removed: for a day they can be restored, then they are deleted for good.

FOLDER/
  ID/                what was removed, whole
  ID/removed.json    when
  .ID/               what is being deleted for good; it cannot be restored any more
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

UNDO_SECONDS = 86_400  # a day, for which what was removed can be restored; README and the pages say so
STAMP = "removed.json"
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")


class Trash:
    """A folder of removed folders.

    Args:
        folder: where it lies; made when the first one is put into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, item: Path) -> None:
        """Takes a folder in, in one step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with suppress(OSError):  # a full disk: deleting makes room, and the day begins with the first sweep
            write_json(item / STAMP, {"at": steady_time()})
        item.replace(self.folder / item.name)

    def items(self) -> list[Path]:
        """Returns the folders that can be restored, the one removed last first."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        there = [path for path in found if _ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]
        return sorted(there, key=lambda path: (-self.removed_at(path), path.name))

    def removed_at(self, item: Path) -> float:
        """Returns when a folder was put in, by `core.storage.clock.steady_time`.

        One without a readable date, as versions before this one and a crash leave it, counts from now on.
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
        """Puts a folder back, as `to`/`id`.

        Raises:
            DatasetError: it is no longer in the trash.
        """
        self._move(id, to / id)
        (to / id / STAMP).unlink(missing_ok=True)

    def delete(self, id: str, beforehand: Callable[[Path], None] = lambda item: None) -> None:
        """Deletes a folder for good. A crash leaves it neither here nor there; `sweep` then goes on with it.

        Args:
            id: its name.
            beforehand: given the folder once it cannot be restored any more, to delete what was made of it elsewhere.

        Raises:
            DatasetError: it is no longer in the trash.
        """
        self._move(id, self.folder / f".{id}")
        self._finish(self.folder / f".{id}", beforehand)

    def sweep(self, beforehand: Callable[[Path], None] = lambda item: None) -> int:
        """Deletes for good what was removed over a day ago, and what a crash kept from being deleted; returns how many.

        What `beforehand` refuses with an AttuneError is gone on with the next time.
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
        """Deletes everything for good; returns how many folders."""
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
            raise DatasetError("not_removed", "That is no longer among what was removed, so it cannot be restored.") from error

    def _finish(self, path: Path, beforehand: Callable[[Path], None]) -> None:
        beforehand(path)
        shutil.rmtree(path, ignore_errors=True)


def is_over(removed_at: float, now: float) -> bool:
    """Whether what was removed then is to be deleted for good by now; both by `core.storage.clock.steady_time`."""
    return now - removed_at >= UNDO_SECONDS
