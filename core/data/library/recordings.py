"""A person's own recordings: each is on disk, checksummed and listed before it is reported as received.

FOLDER/
  audio/ID.flac     16 kHz mono
  log.jsonl         one line per change (added, labelled, removed, ...); replaying the log gives the list

Removed recordings can be restored for a day. Then their sounds and log lines are deleted, see `Recordings.sweep`.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import numpy as np
from filelock import FileLock

from core.audio import sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.data.clips.labelled_set import Clip, check_text
from core.data.library.folder_trash import is_over
from core.errors import AttuneError, DatasetError
from core.storage.cache import forget_sounds
from core.storage.clock import steady_time
from core.storage.files import append_json_line, replacing, sha256
from core.storage.state import UNREADABLE, Report, fits, lock, read_lines, remove

MAX_RECORDINGS = 2_000
LEFTOVER_SECONDS = 86_400  # after which an unlisted sound is taken for the leftover of a crash
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")

Beforehand = Callable[[frozenset[Path]], None]  # called with the sound files that are about to be permanently deleted


@dataclass(frozen=True)
class Recording:
    """One recording.

    Attributes:
        id: unique id.
        path: path of the FLAC file.
        sha256: checksum of that file when it was received.
        seconds: duration.
        text: transcript; "" while it has none.
        part: "train" or "test" if it was read for the lessons or for the exam, else "".
    """

    id: str
    path: Path
    sha256: str
    seconds: float
    text: str = ""
    part: str = ""


class _Added(TypedDict):
    add: str
    sha256: str
    seconds: float
    text: NotRequired[str]


class _Labelled(TypedDict):
    label: str
    text: str
    part: NotRequired[Literal["train", "test"]]


class _Removed(TypedDict):
    remove: str
    at: NotRequired[float]


class _Restored(TypedDict):
    restore: str


class _Leaving(TypedDict):
    leaving: str


_CHANGES = {"add": _Added, "label": _Labelled, "remove": _Removed, "restore": _Restored, "leaving": _Leaving}


@dataclass(frozen=True)
class _Entry:
    """A recording in the log: `removed` is when it was removed, `leaving` whether it can no longer be restored."""

    recording: Recording
    removed: float | None = None
    leaving: bool = False


class Recordings:
    """The recordings in a folder.

    Args:
        folder: folder of the recordings; created with the first one.
        damaged: called for lines of the log that cannot be read.
    """

    def __init__(self, folder: Path, damaged: Report | None = None) -> None:
        self.folder = folder
        self._damaged = damaged
        self._log = folder / "log.jsonl"

    def add(self, source: Path | str, id: str = "") -> Recording:
        """Decodes a sound file and stores it; it is on disk and listed when this returns.

        Args:
            source: the file.
            id: id of the recording; by default a new one.

        Raises:
            AudioError: the file cannot be used; nothing is stored.
            DatasetError: there are too many recordings.
            OSError: the disk is full; nothing is stored.
        """
        sound = sound_files.read_sound(source)
        return self.keep(sound.wave, Path(source).name, id=id, changes=sound.changes)

    def keep(self, wave: np.ndarray, name: str, text: str = "", id: str = "", changes: Sequence[str] = ()) -> Recording:
        """Stores a sound with its transcript; both are on disk and listed when this returns.

        Args:
            wave: float32 [samples] at 16 kHz.
            name: name of its source.
            text: transcript checked by `core.data.clips.labelled_set.check_text`, or "".
            id: id of the recording, 16 hexadecimal digits; by default a new one.
            changes: what was wrong with its source, of `core.audio.sound_files.CHANGES`.

        Raises:
            DatasetError: there are too many recordings.
            OSError: the disk is full; nothing is stored.
        """
        if len(self.all()) >= MAX_RECORDINGS:
            raise DatasetError(
                "collection_full", f"There are {MAX_RECORDINGS} recordings already. Remove some first.", limit=MAX_RECORDINGS
            )
        id = id or secrets.token_hex(8)
        path = self._path(id)
        sound_files.write_flac(path, wave, changes)
        recording = Recording(id, path, sha256(path), len(wave) / SAMPLE_RATE, text)
        line = {"add": id, "sha256": recording.sha256, "seconds": recording.seconds, "name": name}
        try:
            self._append({**line, "text": text} if text else line)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return recording

    def label(self, id: str, text: str, language: str = "en", part: str = "") -> Recording:
        """Adds or corrects the transcript of a recording.

        Args:
            id: id of the recording.
            text: the transcript.
            language: ISO 639-1 code.
            part: "train" or "test" if it is read for the lessons or for the exam; "" leaves its part as it is.

        Raises:
            DatasetError: there is no such recording, or the text has no words.
        """
        with self._lock():  # else this line might follow those of a recording that is being deleted
            recording = self.get(id)
            cleaned = check_text(text, language, recording.path.name)
            line = {"label": id, "text": cleaned}
            self._append({**line, "part": part} if part else line)
        return replace(recording, text=cleaned, part=part or recording.part)

    def remove(self, id: str) -> None:
        """Removes a recording from the list; for a day, `restore` restores it.

        Raises:
            DatasetError: there is no such recording.
        """
        with self._lock():
            self.get(id)
            self._append({"remove": id, "at": steady_time()})

    def removed(self) -> list[Recording]:
        """Returns the recordings that can be restored, most recently removed first."""
        found = [entry for entry in self._entries().values() if entry.removed is not None and not entry.leaving]
        return [entry.recording for entry in sorted(found, key=lambda entry: -(entry.removed or 0.0))]

    def restore(self, id: str) -> Recording:
        """Restores a removed recording to its former place in the list.

        Raises:
            DatasetError: it can no longer be restored.
        """
        with self._lock():
            found = self._removed(id)
            self._append({"restore": id})
        return found

    def delete(self, id: str, beforehand: Beforehand = lambda sounds: None) -> None:
        """Permanently deletes a removed recording: its sound, its log lines and the cached results computed from it.

        After a crash it is either still removed, or can no longer be restored and `sweep` finishes the deletion.

        Args:
            id: id of the recording.
            beforehand: deletes data derived from it elsewhere. If it raises, `sweep` finishes the deletion later.

        Raises:
            DatasetError: it is not among the removed ones.
        """
        with self._lock():
            self._removed(id)
            self._append({"leaving": id})
        self._finish(id, beforehand)

    def sweep(self, beforehand: Beforehand = lambda sounds: None) -> None:
        """Permanently deletes recordings removed more than a day ago, and leftovers of crashes.

        A deletion that `beforehand` refuses with an AttuneError is tried again next time.
        """
        now = steady_time()
        for id, entry in self._entries().items():
            with suppress(AttuneError):
                if entry.leaving:
                    self._finish(id, beforehand)
                elif entry.removed is not None and is_over(entry.removed, now):
                    self.delete(id, beforehand)
        self._sweep_unlisted()

    def _removed(self, id: str) -> Recording:
        entry = self._entries().get(id)
        if entry is None or entry.removed is None or entry.leaving:
            raise DatasetError("not_removed", "That is no longer among the removed items, so it cannot be restored.")
        return entry.recording

    def _finish(self, id: str, beforehand: Beforehand) -> None:
        path = self._path(id)
        beforehand(frozenset({path}))
        with suppress(AttuneError):  # no cached results are found for a missing or damaged sound
            forget_sounds({sound_files.fingerprint(sound_files.decode(path, sound_files.MAX_SECONDS + 1))})
        with self._lock():
            path.unlink(missing_ok=True)
            kept = [line for line in self._lines() if id.encode() not in line]
            with replacing(self._log) as temporary:
                temporary.write_bytes(b"".join(line + b"\n" for line in kept))
            for copy in self.folder.glob("log.damaged-*"):  # they may contain damaged lines about this recording
                remove(copy)

    def _sweep_unlisted(self) -> None:
        """Deletes sounds that no line lists; does nothing if a line cannot be read, as it may list one."""
        if not all(map(_is_whole, self._lines())):
            return
        found = list((self.folder / "audio").glob("*"))
        listed = {self._path(id) for id in self._entries()}
        for path in found:
            if path not in listed and time.time() - path.stat().st_mtime > LEFTOVER_SECONDS:
                path.unlink(missing_ok=True)

    def get(self, id: str) -> Recording:
        """Returns one recording.

        Raises:
            DatasetError: there is no such recording.
        """
        found = next((recording for recording in self.all() if recording.id == id), None)
        if found is None:
            raise DatasetError("no_recording", f"There is no recording {id!r}.")
        return found

    def all(self) -> list[Recording]:
        """Returns all recordings, oldest first."""
        return [entry.recording for entry in self._entries().values() if entry.removed is None and not entry.leaving]

    def clips(self) -> list[Clip]:
        """Returns the labelled recordings as clips of one unnamed speaker; those of an exam and its lessons have a part."""
        return [Clip(str(r.path), r.text, part=r.part, id=r.id) for r in self.all() if r.text]

    def _path(self, id: str) -> Path:
        return self.folder / "audio" / f"{id}.flac"

    def _entries(self) -> dict[str, _Entry]:
        entries: dict[str, _Entry] = {}
        for line in read_lines(self._log, _change, self._damaged):
            if "add" in line:
                id = line["add"]
                entries[id] = _Entry(Recording(id, self._path(id), line["sha256"], line["seconds"], line.get("text", "")))
                continue
            change = next((name for name in _CHANGES if name in line), "")
            entry = entries.get(line.get(change, ""))
            if entry is None:  # a change from a newer version, or its recording is gone
                continue
            if change == "label":
                entry = replace(entry, recording=_labelled(entry.recording, line))
            elif change == "remove":  # without a date, it is from a version that could not restore it: its day is over
                entry = replace(entry, removed=line.get("at", 0.0))
            elif change == "restore":
                entry = replace(entry, removed=None)
            else:
                entry = replace(entry, leaving=True)
            entries[line[change]] = entry
        return entries

    def _lines(self) -> list[bytes]:
        try:
            return [line for line in self._log.read_bytes().split(b"\n") if line.strip()]
        except (FileNotFoundError, IsADirectoryError):
            return []

    def _append(self, line: dict[str, Any]) -> None:
        with self._lock():
            append_json_line(self._log, line)

    def _lock(self) -> FileLock:
        return lock(self.folder / "log.lock", is_singleton=True)  # no line may be added while the log is rewritten


def _labelled(recording: Recording, line: dict[str, Any]) -> Recording:
    return replace(recording, text=line["text"], part=line.get("part", recording.part))


def _is_whole(line: bytes) -> bool:
    try:
        _change(json.loads(line))
    except UNREADABLE:
        return False
    return True


def _change(line: Any) -> dict[str, Any]:
    """Checks and returns a line of the log; kinds of change from a newer version pass unchecked.

    Raises:
        ValueError: the line is damaged.
    """
    kind = next((kind for name, kind in _CHANGES.items() if name in line), None) if isinstance(line, dict) else _Added
    if kind is not None and not fits(line, kind):
        raise ValueError("no change of recordings")
    if "add" in line and not _ID.fullmatch(line["add"]):  # the id is part of a file name
        raise ValueError("no id")
    return line
