"""Long recordings being proofread: the sound and the base's drafts so far, on disk at every step.

SESSION/long/ID/
  recording.flac    16 kHz mono
  about.json        name, language, duration, number of spans it was cut into and number transcribed by the base
  drafts.jsonl      see `core.data.drafts`
"""

from __future__ import annotations

import dataclasses
import io
import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from filelock import FileLock

from core.audio import sound_files
from core.audio.segmentation import segment
from core.audio.sound_files import MAX_SECONDS, SAMPLE_RATE
from core.data import drafts as drafting
from core.data.clips.labelled_set import Clip
from core.data.drafts import Draft, Drafts, keep_accepted, read_drafts, write_drafts
from core.data.library.stored_set import ID
from core.data.names import OWN
from core.errors import AudioError, DatasetError, RunError
from core.models.base.protocol import AsrModel
from core.storage.files import whole_folder, write_json
from core.storage.state import Report, lock, read_fields
from core.storage.temporary import temporary_folder
from core.text.scoring import clean
from demo.background.tasks import Task
from demo.session.session import Session

SOUND = "recording.flac"
MAX_NAME_CHARACTERS = 60  # of the recording, as the page shows it
ROW_SECONDS = 30.0  # maximum length of a row: a span without a pause, and the margins on either side
SPANS_A_TURN = 2  # transcribed before other visitors have their turn: half a minute of sound


@dataclass(frozen=True)
class About:
    """Metadata of a long recording.

    Attributes:
        name: name of the uploaded file.
        language: ISO 639-1 code of the speech.
        seconds: duration.
        spans: number of spans it was cut into.
        read: number of spans that a model has transcribed.
    """

    name: str
    language: str
    seconds: float
    spans: int
    read: int = 0


class LongRecording:
    """One long recording.

    Args:
        folder: the recording's folder.
        damaged: called for each damaged file.
    """

    def __init__(self, folder: Path, damaged: Report | None = None) -> None:
        self.folder = folder
        self._damaged = damaged
        self._drafts = folder / "drafts.jsonl"

    @property
    def id(self) -> str:
        """The name of its folder."""
        return self.folder.name

    @property
    def sound(self) -> Path:
        """The FLAC file."""
        return self.folder / SOUND

    def wave(self) -> np.ndarray:
        """Returns the whole sound, float32 [samples] at 16 kHz."""
        return sound_files.decode(self.sound, MAX_SECONDS + 1)  # resampling may have added a sample

    @property
    def about(self) -> About:
        """The current metadata; fields missing from a damaged file are rebuilt from the sound and the drafts."""
        fields = read_fields(self.folder / "about.json", About, self._damaged)
        if fields.keys() < {field.name for field in dataclasses.fields(About)}:
            fields = self._worked_out() | fields
            with suppress(OSError):  # then it is rebuilt again next time
                write_json(self.folder / "about.json", fields)
        about = About(**fields)
        return dataclasses.replace(about, read=max(0, min(about.read, about.spans)), spans=max(0, about.spans))

    def _worked_out(self) -> dict[str, Any]:
        """Rebuilds the metadata without about.json: spans up to the last draft count as transcribed."""
        try:
            wave = self.wave()
        except AudioError:
            wave = np.zeros(0, np.float32)
        spans = segment(wave) if len(wave) else []
        ends = max((draft.end for draft in self.drafts), default=0.0)
        read = sum(span.start < ends for span in spans)
        about = About(self.id, "en", len(wave) / SAMPLE_RATE, len(spans), read)
        return dataclasses.asdict(about)

    @property
    def drafts(self) -> Drafts:
        """The drafts that are still to be proofread or kept, in order of time."""
        return read_drafts(self._drafts, self._damaged)

    def change(self, change: Callable[[Drafts], Drafts]) -> Drafts:
        """Changes the drafts; they are on disk when this returns."""
        with self._lock():
            drafts = change(self.drafts)
            write_drafts(self._drafts, drafts)
        return drafts

    def add(self, written: Drafts, read: int) -> None:
        """Adds a model's drafts of further spans.

        Args:
            written: the new drafts.
            read: number of spans transcribed so far, including these.
        """
        ends = max((draft.end for draft in self.drafts), default=0.0)  # some may already be on disk after a crash
        self.change(lambda drafts: (*drafts, *(draft for draft in written if draft.start >= ends)))
        with self._lock():
            write_json(self.folder / "about.json", dataclasses.asdict(dataclasses.replace(self.about, read=read)))

    def transcribe(self, lend: Callable[[str], AbstractContextManager[AsrModel]], model: str, task: Task) -> None:
        """Transcribes the remaining spans. If interrupted, the drafts so far are on disk and the rest can be transcribed later.

        Args:
            lend: lends the model for a few spans at a time, so that nobody waits for a whole recording.
            model: id of the model.
            task: receives the number of transcribed spans; if it is stopping, this ends after the spans in flight.
        """
        wave, first = self.wave(), self.about.read
        spans = segment(wave)  # the same samples give the same spans
        task.measure_from(first)
        for start in range(first, len(spans), SPANS_A_TURN):
            if task.stopping:
                break
            chosen = spans[start : start + SPANS_A_TURN]
            with lend(model) as lent:
                written = drafting.transcribe(wave, chosen, lent)
            self.add(written, start + len(chosen))
            task.progress(start + len(chosen), len(spans))

    def find(self, key: str) -> int:
        """Returns the index of the draft with this key, see `key_of`.

        Raises:
            DatasetError: there is no such draft any more.
        """
        for place, draft in enumerate(self.drafts):
            if key_of(draft) == key:
                return place
        raise DatasetError("no_draft", "That draft is no longer in the list. Reload the list.")

    def cut(self, start: float, end: float) -> bytes:
        """Returns the sound of a row as a FLAC file; `start` and `end` are in seconds.

        Raises:
            DatasetError: no row can have these times.
        """
        if not 0 <= start < end <= start + ROW_SECONDS:
            raise DatasetError("no_draft", "That draft is no longer in the list. Reload the list.")
        with soundfile.SoundFile(str(self.sound)) as file:
            first, last = (min(file.frames, round(seconds * SAMPLE_RATE)) for seconds in (start, end))
            file.seek(first)
            wave = file.read(last - first, dtype="int16")
        packed = io.BytesIO()
        soundfile.write(packed, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        return packed.getvalue()

    def keep_as_clips(self, session: Session) -> int:
        """Moves the accepted drafts into the session's own clips, and chooses those; returns how many.

        Raises:
            DatasetError: none is accepted, or there are too many recordings; drafts moved before that stay moved.
            OSError: the disk is full; likewise.
        """
        about = self.about
        with self._lock():
            _some_accepted(self.drafts)
            kept = len(keep_accepted(self._drafts, self.wave(), session.recordings, about.name, about.language))
        session.choose(labelled_set=OWN)
        return kept

    def keep_as_set(self, session: Session, name: str) -> tuple[str, int]:
        """Moves the accepted drafts into a new set of the session's library, and chooses it; returns its name and how many.

        Raises:
            DatasetError: none is accepted, or the name cannot be used; the drafts stay.
            OSError: the disk is full; likewise.
        """
        wave, language = self.wave(), self.about.language
        with self._lock(), temporary_folder(self.folder, "pieces") as folder:
            accepted = _some_accepted(self.drafts)
            clips = []
            for draft in accepted:
                path = folder / f"{draft.start:.2f}-{draft.end:.2f}.flac"
                sound_files.write_flac(path, draft.span.of(wave))
                clips.append(Clip(str(path), draft.text))
            created = session.library.create(name, clips, language)
            left = {dropped.path for dropped in created.dropped}
            moved = {draft for draft, clip in zip(accepted, clips, strict=True) if clip.path not in left}
            write_drafts(self._drafts, tuple(draft for draft in self.drafts if draft not in moved))
        session.choose(labelled_set=created.stored.id)
        return created.stored.name, len(moved)

    def _lock(self) -> FileLock:
        return lock(self.folder / "lock")  # the base may add drafts while a person corrects others


def key_of(draft: Draft) -> str:
    """Returns the key of a draft on the page: its start and end in milliseconds. Splitting or merging changes it."""
    return f"{1000 * draft.start:.0f}-{1000 * draft.end:.0f}"


def receive(session: Session, path: Path) -> LongRecording:
    """Stores a long recording, cuts it at its pauses and makes it the current one; nothing is transcribed yet.

    Raises:
        AudioError: the file cannot be used.
        DatasetError: it contains no speech.
        OSError: the disk is full; nothing is stored.
    """
    wave = sound_files.decode(path)
    spans = segment(wave)
    if not spans:
        raise DatasetError("long_no_speech", "There is no speech in this recording.")
    name = clean(path.stem)[:MAX_NAME_CHARACTERS] or "recording"
    about = About(name, session.choices.language, len(wave) / SAMPLE_RATE, len(spans))
    recording = LongRecording(session.folder / "long" / secrets.token_hex(8), session.damaged)
    with whole_folder(recording.folder) as building:
        sound_files.write_flac(building / recording.sound.name, wave)
        write_json(building / "about.json", dataclasses.asdict(about))
    session.choose(long=recording.id)
    return recording


def find(session: Session, id: str) -> LongRecording:
    """Returns one of the session's long recordings.

    Raises:
        RunError: the session has none with that id.
    """
    recording = LongRecording(session.folder / "long" / id, session.damaged)
    if not ID.fullmatch(id) or not recording.sound.is_file():
        raise RunError("long_missing", "There is no such recording.")
    return recording


def current(session: Session) -> LongRecording | None:
    """Returns the recording that is being proofread, if there is one."""
    try:
        return find(session, session.choices.long)
    except RunError:
        return None


def put_aside(session: Session) -> list[LongRecording]:
    """Returns the session's unfinished long recordings, sorted by name."""
    folder = session.folder / "long"
    named = [path.name for path in folder.iterdir() if ID.fullmatch(path.name)] if folder.is_dir() else []
    found = [find(session, id) for id in named if (folder / id / SOUND).is_file()]
    left = [one for one in found if one.about.read < one.about.spans or one.drafts]
    return sorted(left, key=lambda one: (one.about.name, one.id))


def _some_accepted(drafts: Drafts) -> list[Draft]:
    accepted = [draft for draft in drafts if draft.accepted]
    if not accepted:
        raise DatasetError("draft_none", "No row is accepted yet. Listen, correct the text, and accept it.")
    return accepted
