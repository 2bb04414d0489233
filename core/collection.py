"""A person's own recordings: on disk, checksummed and listed before anyone says they were received.

FOLDER/
  audio/ID.flac     16 kHz mono
  log.jsonl         what was added, labelled and removed, a line a change; the list is this log read from the top
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np

from core import audio
from core.audio import SAMPLE_RATE
from core.dataset import Clip, check_text
from core.errors import DatasetError
from core.files import append_json_line, sha256
from core.state import Report, fits, read_lines

MAX_RECORDINGS = 2_000
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True)
class Recording:
    """One recording of a collection.

    Attributes:
        id: its name in the collection.
        path: of the FLAC file.
        sha256: of that file, as it was when it was received.
        seconds: duration.
        text: what is said in it, or "" while nobody has said so.
    """

    id: str
    path: Path
    sha256: str
    seconds: float
    text: str = ""


class _Added(TypedDict):
    add: str
    sha256: str
    seconds: float
    text: NotRequired[str]


class _Labelled(TypedDict):
    label: str
    text: str


class _Removed(TypedDict):
    remove: str


class Collection:
    """The recordings in a folder.

    Args:
        folder: where they lie; made when the first one is added.
        damaged: told of lines of the log that cannot be read.
    """

    def __init__(self, folder: Path, damaged: Report | None = None) -> None:
        self.folder = folder
        self._damaged = damaged
        self._log = folder / "log.jsonl"

    def add(self, source: Path | str, id: str = "") -> Recording:
        """Decodes a sound file and keeps it; it is on disk and listed when this returns.

        Args:
            source: the file.
            id: to keep it under; by default a new one.

        Raises:
            AudioError: it cannot be used; nothing was kept.
            DatasetError: the collection is full.
            OSError: the disk is full; nothing was kept.
        """
        return self.keep(audio.decode(source), Path(source).name, id=id)

    def keep(self, wave: np.ndarray, name: str, text: str = "", id: str = "") -> Recording:
        """Keeps a sound, and with it what is said in it; both are on disk and listed when this returns.

        Args:
            wave: float32 [samples] at 16 kHz.
            name: where it comes from.
            text: as `core.dataset.check_text` returned it, or "".
            id: 16 hexadecimal digits to keep it under; by default new ones.

        Raises:
            DatasetError: the collection is full.
            OSError: the disk is full; nothing was kept.
        """
        if len(self.recordings()) >= MAX_RECORDINGS:
            raise DatasetError(
                "collection_full", f"There are {MAX_RECORDINGS} recordings already. Remove some first.", limit=MAX_RECORDINGS
            )
        id = id or secrets.token_hex(8)
        path = self._path(id)
        audio.write_flac(path, wave)
        recording = Recording(id, path, sha256(path), len(wave) / SAMPLE_RATE, text)
        line = {"add": id, "sha256": recording.sha256, "seconds": recording.seconds, "name": name}
        try:
            append_json_line(self._log, {**line, "text": text} if text else line)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return recording

    def label(self, id: str, text: str, language: str = "en") -> Recording:
        """Says what is said in a recording, or corrects it.

        Raises:
            DatasetError: there is no such recording, or the text has no words.
        """
        recording = self.get(id)
        cleaned = check_text(text, language, recording.path.name)
        append_json_line(self._log, {"label": id, "text": cleaned})
        return replace(recording, text=cleaned)

    def remove(self, id: str) -> None:
        """Takes a recording off the list; its sound stays on disk.

        Raises:
            DatasetError: there is no such recording.
        """
        self.get(id)
        append_json_line(self._log, {"remove": id})

    def get(self, id: str) -> Recording:
        """Returns one recording.

        Raises:
            DatasetError: there is no such recording.
        """
        found = next((recording for recording in self.recordings() if recording.id == id), None)
        if found is None:
            raise DatasetError("no_recording", f"There is no recording {id!r} in this collection.")
        return found

    def recordings(self) -> list[Recording]:
        """Returns all recordings, oldest first."""
        listed: dict[str, Recording] = {}
        for line in read_lines(self._log, _change, self._damaged):
            if "add" in line:
                id, text = line["add"], line.get("text", "")
                listed[id] = Recording(id, self._path(id), line["sha256"], line["seconds"], text)
            elif "label" in line and line["label"] in listed:
                listed[line["label"]] = replace(listed[line["label"]], text=line["text"])
            elif "remove" in line:
                listed.pop(line["remove"], None)
        return list(listed.values())

    def clips(self) -> list[Clip]:
        """Returns the labelled recordings as clips of one unnamed speaker, not yet split."""
        return [Clip(str(r.path), r.text) for r in self.recordings() if r.text]

    def _path(self, id: str) -> Path:
        return self.folder / "audio" / f"{id}.flac"


def _change(line: Any) -> dict[str, Any]:
    """Returns a line of the log; what a newer version added is none's concern here.

    Raises:
        ValueError: it is damaged.
    """
    kinds = {"add": _Added, "label": _Labelled, "remove": _Removed}
    kind = next((kind for name, kind in kinds.items() if name in line), None) if isinstance(line, dict) else _Added
    if kind is not None and not fits(line, kind):
        raise ValueError("no change of a collection")
    if "add" in line and not _ID.fullmatch(line["add"]):  # it names a file
        raise ValueError("no id")
    return line
