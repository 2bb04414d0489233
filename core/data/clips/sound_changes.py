"""Counts clips whose sound files had something wrong with them that was made good, and tells of them in notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.audio.sound_files import CHANGES
from core.data.clips.labelled_set import Note
from core.data.clips.tally import Tally


class SoundChanges:
    """The clips so far, by what was wrong."""

    def __init__(self) -> None:
        self._tally = Tally()

    def add(self, path: str, changes: Sequence[str]) -> None:
        """Adds a clip.

        Args:
            path: of its sound file.
            changes: what was wrong with it, of `core.audio.sound_files.CHANGES`.
        """
        for kind in changes:
            self._tally.add(kind, Path(path).name)

    def notes(self) -> list[Note]:
        """Returns a note per kind, with the number of clips and the name of the first."""
        return [
            Note(
                kind, f"{name}{f' and {count - 1} more' if count > 1 else ''}: {CHANGES[kind]}", {"name": name, "count": count}
            )
            for kind, name, count in self._tally.counted()
        ]
