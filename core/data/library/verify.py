"""Detection of missing, corrupted and unlisted files in a set's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.data.library.stored_set import read_clips, read_lines
from core.storage.files import sha256

Progress = Callable[[int, int], None]  # clips done, and the total


@dataclass(frozen=True)
class Damage:
    """Damage found in a set's folder.

    Attributes:
        kind: "missing", "changed" or "unlisted" for a sound, "unreadable" for a line of the list.
        name: name of the file, or number of the line.
    """

    kind: str
    name: str


def find_damage(folder: Path, progress: Progress = lambda done, total: None) -> list[Damage]:
    """Compares every sound of a set with its checksum.

    Args:
        folder: the set's folder.
        progress: called after every clip.
    """
    damages = [Damage("unreadable", str(n)) for n, (_, stored) in enumerate(read_lines(folder), 1) if stored is None]
    stored = read_clips(folder)
    for number, clip in enumerate(stored, 1):
        path = Path(clip.clip.path)
        if not path.is_file():
            damages.append(Damage("missing", path.name))
        elif sha256(path) != clip.sha256:
            damages.append(Damage("changed", path.name))
        progress(number, len(stored))
    listed = {Path(clip.clip.path).name for clip in stored}
    there = {path.name for path in (folder / "audio").glob("*") if not path.name.startswith(".")}
    return damages + [Damage("unlisted", name) for name in sorted(there - listed)]
