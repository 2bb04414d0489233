"""Counts clips whose sound files had something wrong with them that was made good, and tells of them in notes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.audio.sound_files import CHANGES
from core.data.clips.labelled_set import Note


class SoundChanges:
    """The clips so far, by what was wrong."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def add(self, path: str, changes: Sequence[str]) -> None:
        """Adds a clip.

        Args:
            path: of its sound file.
            changes: what was wrong with it, of `core.audio.sound_files.CHANGES`.
        """
        for kind in changes:
            self._names.setdefault(kind, []).append(Path(path).name)

    def notes(self) -> list[Note]:
        """Returns a note per kind, with the number of clips and the name of the first."""
        return [
            Note(kind, f"{_listed(names)}: {CHANGES[kind]}", {"name": names[0], "count": len(names)})
            for kind, names in self._names.items()
        ]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
