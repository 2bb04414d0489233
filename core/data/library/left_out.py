"""Clips left out of a set: the time they were left out, and permanent deletion."""

from __future__ import annotations

import json
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.data.clips.labelled_set import CLIP_ID
from core.data.library import undo
from core.data.library.folder_trash import UNDO_SECONDS, is_over
from core.data.library.recordings import Beforehand
from core.data.library.stored_set import StoredClip, read_clips, read_lines, sound_path, write_lines
from core.storage.cache import forget_sounds

SINCE = "left_out_at"  # field of a line: when the clip was left out, by `core.storage.clock.steady_time`
LEAVING = "leaving"  # replaces all fields of a line except the fingerprint: the clip is being deleted


def delete(folder: Path, gone: Collection[str], beforehand: Beforehand) -> None:
    """Deletes clips permanently. From the first step on they cannot be restored; after a crash, the next call resumes."""
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
    """Stamps left-out clips with the current time if they have just been left out or have no valid time yet.

    Args:
        folder: the set's folder.
        now: the current `core.storage.clock.steady_time`.
        in_before: ids of the clips that were in the set until now.
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
    """Returns the ids of clips left out more than a day ago; `now` is the current `core.storage.clock.steady_time`."""
    left_out = [stored for stored in read_clips(folder) if stored.left_out]
    return {stored.clip.id for stored in left_out if is_over(_since(stored, now) or 0.0, now)}


def _leaving(line: str) -> str:
    """Returns the id of a clip that is being deleted; "" for any other line."""
    with suppress(ValueError, TypeError, KeyError, RecursionError):
        id = json.loads(line)[LEAVING]
        return id if CLIP_ID.fullmatch(id) else ""
    return ""


def _since(stored: StoredClip, now: float) -> float | None:
    """Returns when a clip was left out; None if it has no plausible time."""
    at = stored.fields.get(SINCE)
    return float(at) if isinstance(at, int | float) and at <= now + UNDO_SECONDS else None
