"""Clips that are left out of a set: since when, and deleting them for good."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.data.clips.labelled_set import CLIP_ID
from core.data.library import undo
from core.data.library.recordings import Beforehand
from core.data.library.stored_set import StoredClip, read_clips, read_lines, sound_path, write_lines
from core.data.library.trash import UNDO_SECONDS, is_over
from core.storage.cache import forget_sounds

SINCE = "left_out_at"  # field of a line: since when, by `core.storage.clock.steady_time`
LEAVING = "leaving"  # field of a line in place of all others: this clip is being deleted for good


def delete(folder: Path, gone: Collection[str], beforehand: Beforehand) -> None:
    """Deletes clips for good; from its first step on none of them can be put back, and a crash is gone on with later."""
    marked = read_lines(folder)
    going = {id for line, stored in marked if stored is None and (id := _leaving(line))}
    if not gone and not going:
        return
    lines: list[dict[str, Any] | str] = []
    for line, stored in marked:
        if stored is not None and stored.clip.id in gone:
            lines.append({LEAVING: stored.clip.id, "fingerprint": stored.fingerprint})
        else:
            lines.append(line)
    write_lines(folder, lines)
    going |= set(gone)
    undo.drop(folder, going)
    forget_sounds({str(json.loads(line)["fingerprint"]) for line, _ in read_lines(folder) if _leaving(line)})
    beforehand(frozenset(sound_path(folder, id) for id in going))
    for id in going:
        sound_path(folder, id).unlink(missing_ok=True)
    write_lines(folder, [line for line, _ in read_lines(folder) if not _leaving(line)])


def stamp(folder: Path, now: float, in_before: Collection[str] = ()) -> None:
    """Says of clips that are left out since now, or nobody knows since when, that they are left out since now.

    Args:
        folder: of the set.
        now: by `core.storage.clock.steady_time`.
        in_before: ids of the clips that were in it until now.
    """
    lines: list[dict[str, Any] | str] = []
    changed = False
    for line, stored in read_lines(folder):
        if stored is not None and stored.left_out and (stored.clip.id in in_before or _since(stored, now) is None):
            lines.append({**stored.fields, SINCE: now})
            changed = True
        else:
            lines.append(line)
    if changed:
        write_lines(folder, lines)


def over(folder: Path, now: float) -> set[str]:
    """Returns the ids of the clips that were left out over a day ago; `now` is by `core.storage.clock.steady_time`."""
    left_out = [stored for stored in read_clips(folder) if stored.left_out]
    return {stored.clip.id for stored in left_out if is_over(_since(stored, now) or 0.0, now)}


def _leaving(line: str) -> str:
    """The id of a clip that is being deleted for good; "" for any other line."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        id = json.loads(line)[LEAVING]
        return id if CLIP_ID.fullmatch(id) else ""
    return ""


def _since(stored: StoredClip, now: float) -> float | None:
    """When a clip was left out; None where no plausible date says so."""
    at = stored.fields.get(SINCE)
    return float(at) if isinstance(at, int | float) and at <= now + UNDO_SECONDS else None
