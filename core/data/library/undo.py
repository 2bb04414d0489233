"""Undo history of a set: earlier versions of its list, kept beside the current one."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from core.storage.files import replacing

STEPS = 50  # maximum number of changes to undo; a list takes about 0.3 kB per clip
_IDS = re.compile(rb'"([0-9a-f]{16})"')
_KEPT = re.compile(r"\d{6}\.jsonl")


def steps(folder: Path) -> int:
    """Returns the number of changes of a set that can be undone."""
    return len(lists(folder))


def remember(folder: Path) -> None:
    """Saves a set's current list before a change.

    Raises:
        OSError: the disk is full; the change must then not be made.
    """
    kept = lists(folder)
    number = int(kept[-1].stem) + 1 if kept else 1
    with replacing(folder / "history" / f"{number:06}.jsonl") as temporary:
        shutil.copyfile(folder / "clips.jsonl", temporary)
    for path in kept[: max(0, len(kept) + 1 - STEPS)]:
        path.unlink(missing_ok=True)


def take_back(folder: Path) -> bool:
    """Restores the list from before the last change; returns False if there is no change to undo."""
    for path in reversed(lists(folder)):
        same = path.read_bytes() == (folder / "clips.jsonl").read_bytes()  # a crash after saving: nothing was changed
        path.replace(folder / "clips.jsonl")
        if not same:
            return True
    return False


def drop(folder: Path, ids: Collection[str]) -> None:
    """Removes clips from every earlier list, so that no undo restores them.

    Raises:
        OSError: the disk is full; the list being rewritten is unchanged.
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
