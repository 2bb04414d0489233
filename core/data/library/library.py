"""Labelled sets on disk, as plain files that outlive the program.

FOLDER/
  ID/set.json          name, language, how texts are written for training, seed, format version
  ID/clips.jsonl       a clip a line: id, text, speaker, part, sha256, fingerprint, seconds, source
  ID/audio/CLIP.flac   16 kHz mono
  ID/dropped.jsonl     rows of what it was made from that could not be taken in, and why
  ID/history/          earlier lists, so that a change can be taken back
  .trash/ID/           what was deleted: for a day it can be restored, see `core.data.library.trash`

A set is written beside its place and renamed into it, a list is replaced in one step, so a crash or a full disk costs
nothing that was there. What is deleted, and clips that are left out of a set, can be restored for a day; `Library.sweep`
then deletes them for good, and no earlier list brings them back. Names are data; folders and files go by random ids alone,
and an id that is none opens nothing. Fields that a newer version wrote are kept and ignored. Transcripts stay as a person
typed them; `LabelledSet.written_as` writes them as a set's normalisation says.
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

from core.data.clips.labelled_set import Clip, Dropped, LabelledSet
from core.data.library import left_out
from core.data.library import undo as history
from core.data.library.edit import edited_lines
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
from core.data.library.trash import Trash
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
    """A new set, and what could not be taken into it.

    Attributes:
        stored: the set.
        dropped: the clips whose sound or text cannot be used.
    """

    stored: StoredSet
    dropped: tuple[Dropped, ...]


class Library:
    """The sets in a folder.

    Args:
        folder: where they lie; made when the first one is created.
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
        progress: Progress = lambda done, total: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Created:
        """Copies clips into a new set, as 16 kHz FLAC.

        Args:
            name: to show; any text.
            clips: to take in, e.g. those of an import.
            language: ISO 639-1 code of the speech.
            normalisation: how texts are written for training; by default what suits the language and the texts.
            seed: of the split, for the record.
            synthetic: whether speech synthesisers made the clips.
            dropped: rows that an importer has left out already, to be remembered with the set.
            progress: told after every clip.
            should_stop: asked before every clip.

        Raises:
            DatasetError: the name is empty or too long, no clip can be used, or `should_stop` said so; there is no set then.
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
            unusable = write_clips(clips, name, language, building, progress, should_stop)
            write_dropped(building, [*dropped, *unusable])
            write_json(building / "set.json", fields)
        return Created(self.open(id), tuple(unusable))

    def sets(self) -> list[StoredSet]:
        """Returns the sets that can be read, by name."""
        return sorted((stored for _, stored in read_sets(self.folder) if stored), key=lambda s: (s.name.casefold(), s.id))

    def damaged(self) -> list[str]:
        """Returns the ids of sets whose set.json cannot be read; their clips are still there."""
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
            DatasetError: there is none, or several have that name.
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
        """Gives a set another name; its folder stays.

        Raises:
            DatasetError: there is no such set, or the name is empty or too long.
        """
        return self._change(id, name=_checked_name(name))

    def write_as(self, id: str, normalisation: Normalisation) -> StoredSet:
        """Chooses how a set's texts are written for training; the texts themselves stay.

        Raises:
            DatasetError: there is no such set.
        """
        return self._change(id, normalisation=normalisation.to_json())

    def update(self, id: str, labelled: LabelledSet, seed: int | None = None) -> StoredSet:
        """Takes over texts, speakers and parts that were edited, e.g. by `core.data.inspection.repairs`.

        Clips that `labelled` lacks are left out of the set; for a day, passing them again puts them back. A text that is no
        more than the normalised form of the one there changes nothing. `undo` takes the change back.

        Args:
            id: of the set.
            labelled: its clips as they are to be.
            seed: of a new split, for the record.

        Raises:
            DatasetError: there is no such set, it has no such clip, or a text cannot be used; nothing was changed.
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
        """Takes the last `update` of a set back.

        Raises:
            DatasetError: there is no such set, or nothing to take back.
        """
        folder = self._folder(id)
        with self._lock():
            before = {stored.clip.id for stored in read_clips(folder) if not stored.left_out}
            if not history.take_back(folder):
                raise DatasetError("nothing_to_undo", "There is no change of this set to take back.")
            left_out.stamp(folder, steady_time(), before)
        return read_set(folder)

    def changes(self, id: str) -> int:
        """Returns how many changes of a set can be taken back.

        Raises:
            DatasetError: there is no such set.
        """
        return history.steps(self._folder(id))

    def copy(self, id: str, name: str) -> StoredSet:
        """Makes a second, independent set of the same clips.

        Raises:
            DatasetError: there is no such set, the name cannot be used, or a sound is not as it was written.
            OSError: the disk is full; there is no copy then.
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
        """Makes a new set of two; both stay.

        A sound that both have is taken once, with the text, speaker and part of the first. Language, seed and
        normalisation are the first's. Every clip keeps its part, so sentences or speakers may now stand on two sides:
        `Merged.overlap` counts them.

        Raises:
            DatasetError: there is no such set, they are one or differ in language, the name cannot be used, or a sound is
                not as it was written.
            OSError: the disk is full; there is no merged set then.
        """
        one, other, name = self.open(first), self.open(second), _checked_name(name)
        check_mergeable(one, other)
        with self._new_set() as (new, building):
            write_merged(one, other, building)
            synthetic = one.synthetic or other.synthetic
            settings = {**read_settings(self._folder(first)), "name": name, "synthetic": synthetic, "created": time.time()}
            write_json(building / "set.json", settings)
        return describe(self.open(new), one, other)

    def delete(self, id: str) -> None:
        """Puts a set into the trash, from where `restore` brings it back for a day.

        Raises:
            DatasetError: there is no such set.
        """
        folder = self._folder(id)
        with self._lock():
            self._trash.put(folder)

    def trash(self) -> list[StoredSet]:
        """Returns the deleted sets that can be brought back, by name."""
        return sorted((stored for _, stored in read_sets(self._trash.folder) if stored), key=lambda s: (s.name, s.id))

    def restore(self, id: str) -> StoredSet:
        """Brings a deleted set back.

        Raises:
            DatasetError: the trash has no such set.
        """
        set_folder(self._trash.folder, id)
        self._trash.take_out(id, self.folder)
        return self.open(id)

    def delete_for_good(self, id: str, beforehand: Beforehand = lambda sounds: None) -> None:
        """Deletes one of the deleted sets for good, and what is kept of what was computed from its sounds.

        Args:
            id: of the set.
            beforehand: deletes what was made of its clips elsewhere. If it raises, `sweep` goes on later.

        Raises:
            DatasetError: the trash has no such set.
        """
        set_folder(self._trash.folder, id)
        self._trash.delete(id, partial(_forget, beforehand=beforehand))

    def empty_trash(self, beforehand: Beforehand = lambda sounds: None) -> int:
        """Deletes what is in the trash for good, and what crashes have left; returns the number of sets."""
        self._sweep()
        return self._trash.empty(partial(_forget, beforehand=beforehand))

    def delete_left_out(self, id: str, beforehand: Beforehand = lambda sounds: None) -> int:
        """Deletes the clips for good that were left out of a set; returns how many.

        Raises:
            DatasetError: there is no such set.
        """
        folder = self._folder(id)
        with self._lock():
            gone = {stored.clip.id for stored in read_clips(folder) if stored.left_out}
            left_out.delete(folder, gone, beforehand)
        return len(gone)

    def sweep(self, beforehand: Beforehand = lambda sounds: None) -> None:
        """Deletes for good what was deleted, or left out of a set, over a day ago, and what crashes have left.

        What `beforehand` refuses with an AttuneError is gone on with the next time.
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
        """Compares every sound with its checksum.

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
        """Removes sets that a crash left half written."""
        sweep(self.folder)


def _checked_name(name: str) -> str:
    cleaned = clean(name)
    if not cleaned or len(cleaned) > MAX_NAME_CHARACTERS:
        raise DatasetError(
            "set_name", f"A set needs a name of 1 to {MAX_NAME_CHARACTERS} characters.", limit=MAX_NAME_CHARACTERS
        )
    return cleaned


def _forget(folder: Path, beforehand: Beforehand) -> None:
    """Deletes what is kept elsewhere of all clips of a set that is about to be deleted."""
    lists = [folder / "clips.jsonl", *history.lists(folder)]
    stored = [clip for path in lists for _, clip in read_lines(folder, path.name) if clip]
    forget_sounds({clip.fingerprint for clip in stored})
    beforehand(frozenset((folder / "audio").glob("*.flac")))
