"""A labelled set on disk: a folder of sounds, a list of their transcripts, and the settings of the set."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from core.data.clips.labelled_set import CLIP_ID, PARTS, Clip, Dropped, LabelledSet, Note
from core.errors import DatasetError
from core.storage.files import read_json_lines, replacing, sha256
from core.storage.state import UNREADABLE, Damaged, fits, is_file, read_checked
from core.text.normalisation import Normalisation
from core.text.scoring import clean

ID = re.compile(r"[0-9a-f]{16}")  # id of a set; no other name is ever opened


@dataclass(frozen=True)
class StoredClip:
    """One line of a set's list.

    Attributes:
        clip: the clip, with the path of its sound in the library.
        sha256: checksum of the FLAC file when it was written.
        fingerprint: hash of its samples, see `core.audio.sound_files.fingerprint`.
        seconds: duration.
        source: name of the original file.
        left_out: whether it was left out of the set; for a day it can be restored.
        fields: all fields of the line, including those of a newer version.
    """

    clip: Clip
    sha256: str
    fingerprint: str
    seconds: float
    source: str
    left_out: bool
    fields: dict[str, Any]


@dataclass(frozen=True)
class StoredSet:
    """A set of the library.

    Attributes:
        id: name of its folder.
        name: name shown to the user.
        language: ISO 639-1 code of the speech.
        normalisation: how its texts are written for training.
        seed: seed of its split.
        synthetic: whether the clips are synthetic speech.
        clips: the clips in the set.
        left_out: clips that were left out and can be restored.
        dropped: rows of its source that could not be used.
        notes: what its import assumed or did not use.
    """

    id: str
    name: str
    language: str
    normalisation: Normalisation
    seed: int
    synthetic: bool
    clips: tuple[StoredClip, ...]
    left_out: tuple[StoredClip, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def seconds(self) -> float:
        """Total duration of its clips."""
        return sum(stored.seconds for stored in self.clips)

    def labelled(self) -> LabelledSet:
        """Returns the set with the texts as typed."""
        return LabelledSet(self.name, tuple(stored.clip for stored in self.clips), self.language, self.synthetic)


def read_settings(folder: Path) -> dict[str, Any]:
    """Reads set.json, including fields of a newer version.

    Raises:
        DatasetError: it is missing or damaged, or has no name or no language.
    """
    try:
        return read_checked(folder / "set.json", _Settings)
    except (OSError, Damaged) as error:
        raise _damaged(folder) from error


class _Settings(TypedDict):
    """The required settings of a set; all others have defaults."""

    name: str
    language: str


def _damaged(folder: Path) -> DatasetError:
    return DatasetError(
        "set_damaged", f"The set {folder.name} has a damaged file, set.json. Its sound files are still on disk."
    )


def read_set(folder: Path) -> StoredSet:
    """Reads a set.

    Raises:
        DatasetError: its set.json cannot be read.
    """
    settings = read_settings(folder)
    normalisation, seed = settings.get("normalisation"), settings.get("seed")
    clips = read_clips(folder)
    return StoredSet(
        folder.name,
        clean(settings["name"]),
        settings["language"],
        Normalisation.from_json(normalisation if isinstance(normalisation, dict) else {}),
        seed if isinstance(seed, int) and fits(seed, int) else 0,
        settings.get("synthetic") is True,
        tuple(stored for stored in clips if not stored.left_out),
        tuple(stored for stored in clips if stored.left_out),
        read_dropped(folder),
        tuple(_notes(settings.get("notes"))),
    )


def _notes(lines: Any) -> Iterator[Note]:
    for line in lines if isinstance(lines, list) else ():
        try:
            yield Note(clean(str(line["reason"])), clean(str(line["message"])), dict(line.get("details") or {}))
        except UNREADABLE:
            continue


def set_folder(folder: Path, id: str) -> Path:
    """Returns the folder of a set inside `folder`.

    Raises:
        DatasetError: there is no set with that id.
    """
    path = folder / id if ID.fullmatch(id) else None
    if path is None or not path.is_dir() or path.is_symlink():
        raise DatasetError("no_set", "There is no such set in the library.")
    return path


def read_sets(folder: Path) -> Iterator[tuple[str, StoredSet | None]]:
    """Yields the id of each set in a folder with the set, or with None if its set.json cannot be read."""
    for path in sorted(folder.glob("*")) if folder.is_dir() else ():
        if ID.fullmatch(path.name) and path.is_dir() and not path.is_symlink():
            try:
                yield path.name, read_set(path)
            except DatasetError:
                yield path.name, None


def read_dropped(folder: Path) -> tuple[Dropped, ...]:
    """Returns the rows that could not be used when a set was created."""
    dropped = []
    for line in read_json_lines(folder / "dropped.jsonl"):
        try:
            path, reason, message, where = (clean(str(line[name])) for name in ("path", "reason", "message", "where"))
            dropped.append(Dropped(path, reason, message, where, dict(line.get("details") or {})))
        except UNREADABLE:
            continue
    return tuple(dropped)


def write_dropped(folder: Path, dropped: Iterable[Dropped]) -> None:
    """Writes the rows that could not be used beside a set's list; paths are reduced to file names."""
    with replacing(folder / "dropped.jsonl") as temporary, temporary.open("wb") as file:
        for row in dropped:
            text = json.dumps({**vars(row), "path": row.name}, ensure_ascii=False, default=str)
            file.write((text + "\n").encode("utf-8", "backslashreplace"))


def read_lines(folder: Path, name: str = "clips.jsonl") -> list[tuple[str, StoredClip | None]]:
    """Returns the unchanged lines of the list, each with its clip, or with None if it describes no clip."""
    try:
        there = is_file(folder / name)
        text = (folder / name).read_text(encoding="utf-8", errors="replace") if there else ""
    except FileNotFoundError:  # the set may be deleted while it is read
        text = ""
    lines: list[tuple[str, StoredClip | None]] = []
    for line in filter(str.strip, text.split("\n")):
        try:
            lines.append((line, _stored_clip(json.loads(line), folder)))
        except UNREADABLE:
            lines.append((line, None))
    return lines


def read_clips(folder: Path) -> list[StoredClip]:
    """Returns the clips of a list, each id once."""
    return list({stored.clip.id: stored for _, stored in read_lines(folder) if stored}.values())


def _stored_clip(fields: dict[str, Any], folder: Path) -> StoredClip:
    id, text, speaker, part = (fields[name] for name in ("id", "text", "speaker", "part"))
    if not CLIP_ID.fullmatch(id) or part not in ("", *PARTS) or not isinstance(speaker, str):
        raise ValueError(id)
    return StoredClip(
        Clip(os.path.abspath(sound_path(folder, id)), clean(text), clean(speaker), part, id),
        str(fields["sha256"]),
        str(fields["fingerprint"]),
        float(fields["seconds"]),
        str(fields.get("source", "")),
        fields.get("left_out") is True,
        fields,
    )


def sound_path(folder: Path, id: str) -> Path:
    """Returns the path of a clip's sound in the folder of its set."""
    return folder / "audio" / f"{id}.flac"


def copy_sounds(clips: Iterable[StoredClip], building: Path, id: str = "") -> None:
    """Copies sounds into the folder of another set.

    Args:
        clips: the clips whose sounds are copied.
        building: folder of the other set.
        id: new id, if there is a single clip; by default each clip keeps its id.

    Raises:
        DatasetError: a sound file is missing or corrupted.
        OSError: the disk is full.
    """
    for stored in clips:
        source = Path(stored.clip.path)
        target = sound_path(building, id or stored.clip.id)
        target.parent.mkdir(exist_ok=True)
        if source.is_file():
            shutil.copyfile(source, target)
        if not source.is_file() or sha256(target) != stored.sha256:
            raise DatasetError(
                "sound_changed",
                f"{source.name} ({stored.source}) has changed since it was saved, so it was not copied. "
                "Remove the clip from the set, or restore the file.",
                name=stored.source,
            )


def write_lines(folder: Path, lines: Iterable[dict[str, Any] | str]) -> None:
    """Writes the list atomically; lines that could not be read are written unchanged.

    Raises:
        OSError: the disk is full; the existing list is unchanged.
    """
    with replacing(folder / "clips.jsonl") as temporary, temporary.open("wb") as file:
        for line in lines:
            text = line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)
            file.write((text + "\n").encode("utf-8", "backslashreplace"))
