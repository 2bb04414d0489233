"""Labelled sets on disk, as plain files that outlive the program.

FOLDER/
  ID/set.json          name, language, how texts are written for training, seed, format version
  ID/clips.jsonl       one clip per line: id, text, speaker, part, sha256, fingerprint, seconds, source
  ID/audio/CLIP.flac   16 kHz mono
  ID/dropped.jsonl     rows of the source that could not be used, with reasons
  ID/history/          earlier lists, for undo
  .trash/ID/           deleted sets, which can be restored for a day, see `core.data.library.folder_trash`

A set is written to a temporary folder and then renamed, and a list is replaced atomically, so a crash or a full disk loses
no existing data. Deleted sets and clips left out of a set can be restored for a day; `Library.sweep` then deletes them
permanently, and undo does not restore them. Names are data only: folders and files are named by random ids, and an invalid
id opens nothing. Fields of a newer version are kept and ignored. Transcripts are stored as typed; `LabelledSet.written_as`
applies a set's normalisation.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.data.clips.labelled_set import Clip, Dropped, LabelledSet, Note
from core.data.library import left_out
from core.data.library import undo as history
from core.data.library.edit import edited_lines
from core.data.library.folder_trash import Trash
from core.data.library.merge import Merged, check_mergeable, describe, write_merged
from core.data.library.new_set import write_clips
from core.data.library.recordings import Beforehand
from core.data.library.stored_set import (
    ID,
    StoredSet,
    copy_sounds,
    read_clips,
    read_dropped,
    read_lines,
    read_set,
    read_sets,
    read_settings,
    set_folder,
    write_dropped,
    write_lines,
)
from core.data.library.verify import Damage, Progress, find_damage
from core.errors import AttuneError, DatasetError
from core.storage.cache import forget_sounds
from core.storage.clock import steady_time
from core.storage.files import whole_folder, write_json
from core.storage.state import lock
from core.storage.temporary import sweep
from core.text.normalisation import Normalisation, default
from core.text.scoring import clean

FORMAT = 1
MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class Created:
    """A new set, and the clips that could not be used.

    Attributes:
        stored: the set.
        dropped: the clips whose sound or text cannot be used.
    """

    stored: StoredSet
    dropped: tuple[Dropped, ...]


class Library:
    """The sets in a folder.

    Args:
        folder: folder of the sets; created with the first set.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._trash = Trash(folder / ".trash")

    def create(
        self,
        name: str,
        clips: Sequence[Clip],
        language: str = "en",
        normalisation: Normalisation | None = None,
        seed: int = 0,
        synthetic: bool = False,
        dropped: Sequence[Dropped] = (),
        notes: Sequence[Note] = (),
        progress: Progress = lambda done, total: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Created:
        """Copies clips into a new set, as 16 kHz FLAC.

        Args:
            name: name to show; any text.
            clips: the clips to copy, e.g. those of an import.
            language: ISO 639-1 code of the speech.
            normalisation: how texts are written for training; the default depends on the language and the texts.
            seed: seed of the split, stored for reference.
            synthetic: whether the clips are synthetic speech.
            dropped: rows that an importer has already dropped, stored with the set.
            notes: what the importer assumed or did not use; likewise, with notes on sounds that were not as they should be.
            progress: called after every clip.
            should_stop: called before every clip.

        Raises:
            DatasetError: the name is empty or too long, no clip can be used, or `should_stop` returned True; no set is
                created.
            OSError: the disk is full; likewise.
        """
        fields = {
            "format": FORMAT,
            "name": _checked_name(name),
            "language": language,
            "normalisation": (normalisation or default(language, [clip.text for clip in clips])).to_json(),
            "seed": seed,
            "synthetic": synthetic,
            "created": time.time(),
        }
        with self._new_set() as (id, building):
            unusable, of_sounds = write_clips(clips, name, language, building, progress, should_stop)
            write_dropped(building, [*dropped, *unusable])
            every = [vars(note) for note in (*notes, *of_sounds)]
            write_json(building / "set.json", {**fields, "notes": every} if every else fields)
        return Created(self.open(id), tuple(unusable))

    def sets(self) -> list[StoredSet]:
        """Returns the readable sets, sorted by name."""
        return sorted((stored for _, stored in read_sets(self.folder) if stored), key=lambda s: (s.name.casefold(), s.id))

    def damaged(self) -> list[str]:
        """Returns the ids of sets whose set.json cannot be read; their clips still exist."""
        return [id for id, stored in read_sets(self.folder) if stored is None]

    def open(self, id: str) -> StoredSet:
        """Reads a set.

        Raises:
            DatasetError: there is no such set, or its set.json cannot be read.
        """
        return read_set(self._folder(id))

    def find(self, name: str) -> StoredSet:
        """Reads a set by its id or its name.

        Raises:
            DatasetError: there is no such set, or several have that name.
        """
        if ID.fullmatch(name) and (self.folder / name).is_dir():
            return self.open(name)
        found = [stored for stored in self.sets() if stored.name == clean(name)]
        if len(found) > 1:
            ids = ", ".join(stored.id for stored in found)
            raise DatasetError("sets_alike", f"Several sets are called {name!r}: {ids}. Give one's id.", name=name, ids=ids)
        if not found:
            raise DatasetError("no_set", f"There is no set {name!r} in the library.")
        return found[0]

    def rename(self, id: str, name: str) -> StoredSet:
        """Renames a set; its folder keeps its name.

        Raises:
            DatasetError: there is no such set, or the name is empty or too long.
        """
        return self._change(id, name=_checked_name(name))

    def write_as(self, id: str, normalisation: Normalisation) -> StoredSet:
        """Sets how a set's texts are written for training; the stored texts do not change.

        Raises:
            DatasetError: there is no such set.
        """
        return self._change(id, normalisation=normalisation.to_json())

    def update(self, id: str, labelled: LabelledSet, seed: int | None = None) -> StoredSet:
        """Stores edited texts, speakers and parts, e.g. from `core.data.inspection.repairs`.

        Clips that `labelled` lacks are left out of the set; for a day, passing them again restores them. A text that merely
        equals the normalised form of the stored text changes nothing. `undo` reverts the change.

        Args:
            id: id of the set.
            labelled: the edited clips.
            seed: seed of a new split, stored for reference.

        Raises:
            DatasetError: there is no such set, it has no such clip, or a text cannot be used; nothing is changed.
            OSError: the disk is full; likewise.
        """
        folder = self._folder(id)
        with self._lock():
            lines = edited_lines(folder, read_set(folder), labelled)
            history.remember(folder)
            write_lines(folder, lines)
            if seed is not None:
                write_json(folder / "set.json", {**read_settings(folder), "seed": seed})
        return read_set(folder)

    def undo(self, id: str) -> StoredSet:
        """Undoes the last `update` of a set.

        Raises:
            DatasetError: there is no such set, or nothing to undo.
        """
        folder = self._folder(id)
        with self._lock():
            before = {stored.clip.id for stored in read_clips(folder) if not stored.left_out}
            if not history.take_back(folder):
                raise DatasetError("nothing_to_undo", "This set has no change to undo.")
            left_out.stamp(folder, steady_time(), before)
        return read_set(folder)

    def changes(self, id: str) -> int:
        """Returns the number of changes of a set that can be undone.

        Raises:
            DatasetError: there is no such set.
        """
        return history.steps(self._folder(id))

    def copy(self, id: str, name: str) -> StoredSet:
        """Creates an independent copy of a set.

        Raises:
            DatasetError: there is no such set, the name cannot be used, or a sound file is missing or corrupted.
            OSError: the disk is full; no copy is created.
        """
        folder, name = self._folder(id), _checked_name(name)
        with self._new_set() as (new, building):
            stored = read_clips(folder)
            copy_sounds(stored, building)
            write_lines(building, [line for line, _ in read_lines(folder)])
            write_dropped(building, read_dropped(folder))
            write_json(building / "set.json", {**read_settings(folder), "name": name, "created": time.time()})
        return self.open(new)

    def merge(self, first: str, second: str, name: str) -> Merged:
        """Creates a new set from two sets, which are kept.

        A sound in both sets is copied once, with the text, speaker and part of the first. Seed and normalisation are
        those of the first set. Every clip keeps its part, so sentences or speakers may now be both in training and held
        out: `Merged.overlap` counts them.

        Raises:
            DatasetError: there is no such set, the two are the same or differ in language, the name cannot be used, or a
                sound file is missing or corrupted.
            OSError: the disk is full; no merged set is created.
        """
        one, other, name = self.open(first), self.open(second), _checked_name(name)
        check_mergeable(one, other)
        with self._new_set() as (new, building):
            write_merged(one, other, building)
            synthetic = one.synthetic or other.synthetic
            notes = [vars(note) for note in dict.fromkeys((*one.notes, *other.notes))]
            own = {"name": name, "synthetic": synthetic, "created": time.time(), "notes": notes}
            settings = {**read_settings(self._folder(first)), **own}
            write_json(building / "set.json", settings)
        return describe(self.open(new), one, other)

    def delete(self, id: str) -> None:
        """Moves a set to the trash, from which `restore` can restore it for a day.

        Raises:
            DatasetError: there is no such set.
        """
        folder = self._folder(id)
        with self._lock():
            self._trash.put(folder)

    def trash(self) -> list[StoredSet]:
        """Returns the deleted sets that can be restored, sorted by name."""
        return sorted((stored for _, stored in read_sets(self._trash.folder) if stored), key=lambda s: (s.name, s.id))

    def restore(self, id: str) -> StoredSet:
        """Restores a deleted set.

        Raises:
            DatasetError: the trash has no such set.
        """
        set_folder(self._trash.folder, id)
        self._trash.take_out(id, self.folder)
        return self.open(id)

    def delete_for_good(self, id: str, beforehand: Beforehand = lambda sounds: None) -> None:
        """Permanently deletes a set in the trash and the cached results computed from its sounds.

        Args:
            id: id of the set.
            beforehand: deletes data derived from its clips elsewhere. If it raises, `sweep` finishes the deletion later.

        Raises:
            DatasetError: the trash has no such set.
        """
        set_folder(self._trash.folder, id)
        self._trash.delete(id, partial(_forget, beforehand=beforehand))

    def empty_trash(self, beforehand: Beforehand = lambda sounds: None) -> int:
        """Permanently deletes all sets in the trash, and leftovers of crashes; returns the number of sets."""
        self._sweep()
        return self._trash.empty(partial(_forget, beforehand=beforehand))

    def delete_left_out(self, id: str, beforehand: Beforehand = lambda sounds: None) -> int:
        """Permanently deletes the clips left out of a set; returns their number.

        Raises:
            DatasetError: there is no such set.
        """
        folder = self._folder(id)
        with self._lock():
            gone = {stored.clip.id for stored in read_clips(folder) if stored.left_out}
            left_out.delete(folder, gone, beforehand)
        return len(gone)

    def sweep(self, beforehand: Beforehand = lambda sounds: None) -> None:
        """Permanently deletes sets deleted and clips left out more than a day ago, and leftovers of crashes.

        A deletion that `beforehand` refuses with an AttuneError is tried again next time.
        """
        if not self.folder.is_dir():
            return
        self._sweep()
        with suppress(AttuneError):
            self._trash.sweep(partial(_forget, beforehand=beforehand))
        for id, _ in read_sets(self.folder):
            with suppress(AttuneError, FileNotFoundError), self._lock():
                folder = self._folder(id)
                now = steady_time()
                left_out.stamp(folder, now)
                left_out.delete(folder, left_out.over(folder, now), beforehand)

    def verify(self, id: str, progress: Progress = lambda done, total: None) -> list[Damage]:
        """Compares every sound of a set with its checksum.

        Raises:
            DatasetError: there is no such set.
        """
        return find_damage(self._folder(id), progress)

    def _folder(self, id: str) -> Path:
        return set_folder(self.folder, id)

    def _change(self, id: str, **fields: Any) -> StoredSet:
        folder = self._folder(id)
        with self._lock():
            write_json(folder / "set.json", {**read_settings(folder), **fields})
        return read_set(folder)

    @contextmanager
    def _new_set(self) -> Iterator[tuple[str, Path]]:
        id = secrets.token_hex(8)
        with whole_folder(self.folder / id) as building:
            yield id, building

    def _lock(self) -> FileLock:
        return lock(self.folder / ".lock")  # two pages may change one set at the same time

    def _sweep(self) -> None:
        """Deletes sets that a crash left half-written."""
        sweep(self.folder)


def _checked_name(name: str) -> str:
    cleaned = clean(name)
    if not cleaned or len(cleaned) > MAX_NAME_CHARACTERS:
        raise DatasetError(
            "set_name", f"A set's name must have 1 to {MAX_NAME_CHARACTERS} characters.", limit=MAX_NAME_CHARACTERS
        )
    return cleaned


def _forget(folder: Path, beforehand: Beforehand) -> None:
    """Deletes data derived from all clips of a set that is about to be deleted, including the cached results."""
    lists = [folder / "clips.jsonl", *history.lists(folder)]
    stored = [clip for path in lists for _, clip in read_lines(folder, path.name) if clip]
    forget_sounds({clip.fingerprint for clip in stored})
    beforehand(frozenset((folder / "audio").glob("*.flac")))
