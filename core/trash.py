"""Sets that were deleted, until the trash is emptied."""

from __future__ import annotations

import shutil
from pathlib import Path

from core.stored import StoredSet, read_sets, set_folder


class Trash:
    """A folder beside the sets of a library.

    Args:
        folder: where it lies; made when the first set is put into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, set: Path) -> None:
        """Takes a set's folder in."""
        self.folder.mkdir(exist_ok=True)
        set.replace(self.folder / set.name)

    def sets(self) -> list[StoredSet]:
        """Returns the sets that can be brought back, by name."""
        return sorted((stored for _, stored in read_sets(self.folder) if stored), key=lambda s: (s.name, s.id))

    def take_out(self, id: str, to: Path) -> None:
        """Puts a set back among others, into the folder `to`.

        Raises:
            DatasetError: there is no such set in the trash.
        """
        set_folder(self.folder, id).replace(to / id)

    def empty(self) -> int:
        """Deletes everything for good; returns the number of sets."""
        gone = list(read_sets(self.folder))
        shutil.rmtree(self.folder, ignore_errors=True)
        return len(gone)
