"""What was changed in a set and can be taken back: earlier lists, kept beside the one that counts."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from core.storage.files import replacing

STEPS = 50  # that can be taken back; a list takes about 0.3 kB a clip
_IDS = re.compile(rb'"([0-9a-f]{16})"')
_KEPT = re.compile(r"\d{6}\.jsonl")


def steps(folder: Path) -> int:
    """Returns how many changes of a set can be taken back."""
    return len(lists(folder))


def remember(folder: Path) -> None:
    """Keeps a set's list as it stands, before it is changed.

    Raises:
        OSError: the disk is full; the change must not be made then.
    """
    kept = lists(folder)
    number = int(kept[-1].stem) + 1 if kept else 1
    with replacing(folder / "history" / f"{number:06}.jsonl") as temporary:
        shutil.copyfile(folder / "clips.jsonl", temporary)
    for path in kept[: max(0, len(kept) + 1 - STEPS)]:
        path.unlink(missing_ok=True)


def take_back(folder: Path) -> bool:
    """Puts the list back as it was before the last change; False where there is none to take back."""
    for path in reversed(lists(folder)):
        same = path.read_bytes() == (folder / "clips.jsonl").read_bytes()  # remembered, and then a crash: nothing changed
        path.replace(folder / "clips.jsonl")
        if not same:
            return True
    return False


def drop(folder: Path, ids: Collection[str]) -> None:
    """Takes clips out of every earlier list, so that no change that is taken back brings them back.

    Raises:
        OSError: the disk is full; a list is then as it was.
    """
    gone = {id.encode() for id in ids}
    for path in lists(folder):
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if gone.isdisjoint(_IDS.findall(line))]
        if len(kept) < len(lines):
            with replacing(path) as temporary:
                temporary.write_bytes(b"".join(kept))


def lists(folder: Path) -> list[Path]:
    """Returns the earlier lists, oldest first."""
    where = folder / "history"
    return sorted(path for path in where.iterdir() if _KEPT.fullmatch(path.name) and path.is_file()) if where.is_dir() else []
