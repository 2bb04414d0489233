"""The prompts a person reads aloud: the list, the position in it and the last take of each prompt, saved at every step.

SESSION/
  reading.json      all of this; the recordings themselves are in SESSION/recordings
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.data.clips.labelled_set import check_text
from core.data.library.recordings import Recording
from core.errors import AttuneError, DatasetError
from core.storage.files import write_json
from core.storage.state import lock, read_fields
from core.text.scoring import clean, normalise
from demo.session.session import Session

OWN = "own"
KINDS = ("sentences", "accent", "names", "digits")
LISTS = tuple(f"{language}_{kind}" for language in ("en", "zh") for kind in KINDS)
MAX_PROMPTS = 1_000  # of the person's own list
_FOLDER = Path(__file__).parents[1] / "wording" / "prompts"


@dataclass(frozen=True)
class Take:
    """The last recording of a prompt.

    Attributes:
        id: of the recording; the take counts as kept once the recording has a text.
        heard: the base's transcript, or None until there is one.
        checked: whether the base knows the language, so that a transcript far from the prompt is meaningful.
    """

    id: str
    heard: str | None = None
    checked: bool = True


@dataclass(frozen=True)
class Reading:
    """A person's list, prompts, position and takes.

    Attributes:
        list: one of `LISTS`, or "own".
        own: the prompts of the person's own list.
        place: index of the prompt to read, from 0.
        takes: the last recording of each prompt, by its text.
    """

    list: str = LISTS[0]
    own: tuple[str, ...] = ()
    place: int = 0
    takes: dict[str, Take] = field(default_factory=dict)

    @property
    def prompts(self) -> tuple[str, ...]:
        """The sentences of the list; at least one."""
        return (self.own if self.list == OWN and self.own else None) or listed(self.list if self.list in LISTS else LISTS[0])

    @property
    def prompt(self) -> str:
        """The prompt to read now."""
        return self.prompts[min(self.place, len(self.prompts) - 1)]

    @property
    def language(self) -> str:
        """ISO 639-1 code of the list; "" for the person's own, whose language they choose themselves."""
        return "" if self.list == OWN else self.list.partition("_")[0]


@cache
def listed(name: str) -> tuple[str, ...]:
    """Returns the prompts of one of `LISTS`."""
    return tuple((_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines())


def read(session: Session) -> Reading:
    """Returns the stored state of this session's reading."""
    path = session.folder / "reading.json"
    stored = read_fields(path, Reading, session.damaged)
    if "list" not in stored:
        language = session.choices.language
        stored["list"] = f"{language}_sentences" if f"{language}_sentences" in LISTS else LISTS[0]
    takes = {}
    for prompt, take in stored.get("takes", {}).items():
        takes[prompt] = Take(take["id"], take.get("heard"), take.get("checked", True))
    return Reading(stored["list"], tuple(stored.get("own", ())), max(0, stored.get("place", 0)), takes)


def kept(session: Session, reading: Reading) -> dict[str, Recording]:
    """Returns the kept recordings by prompt, without those removed since."""
    labelled = {recording.id: recording for recording in session.recordings.all() if recording.text}
    return {prompt: labelled[take.id] for prompt, take in reading.takes.items() if take.id in labelled}


def choose(session: Session, name: str) -> Reading:
    """Chooses a list and goes to its first prompt that has no kept take.

    Raises:
        DatasetError: there is no such list, or the person's own is still empty.
    """
    reading = read(session)
    if name == OWN and not reading.own:
        raise DatasetError("reading_empty", "Paste your own sentences first, one per line.")
    if name not in (*LISTS, OWN):
        raise DatasetError("reading_unknown", "There is no such list of sentences.")
    chosen = dataclasses.replace(reading, list=name, place=0)
    return _change(session, list=name, place=_next(chosen, kept(session, chosen), -1))


def use_own(session: Session, text: str, language: str) -> Reading:
    """Stores pasted lines as the person's own list and chooses it, dropping empty lines, duplicates and lines with no words.

    Raises:
        DatasetError: no line has words, there are too many lines, or one is too long.
    """
    lines = [line for line in dict.fromkeys(map(clean, text.splitlines())) if normalise(line, language)]
    if not lines:
        raise DatasetError("reading_empty", "Paste your own sentences first, one per line.")
    if len(lines) > MAX_PROMPTS:
        raise DatasetError(
            "reading_too_many", f"There are {len(lines)} sentences; the limit is {MAX_PROMPTS}.", limit=MAX_PROMPTS
        )
    own = tuple(check_text(line, language, f"line {number}") for number, line in enumerate(lines, 1))
    _change(session, own=own)
    return choose(session, OWN)


def move(session: Session, prompt: str, steps: int) -> Reading:
    """Moves forward or back from a prompt, stopping at either end."""
    reading = read(session)
    place = _place(reading, prompt) + steps
    return _change(session, place=max(0, min(place, len(reading.prompts) - 1)))


def receive(session: Session, prompt: str, path: Path | str) -> Reading:
    """Adds a take of a prompt to the recordings and then removes the prompt's earlier take.

    Raises:
        AudioError: the file cannot be used; the earlier take stays.
        DatasetError: there are too many recordings, or the prompt has no words; likewise.
        OSError: the disk is full; likewise.
    """
    check_text(prompt, session.choices.language, "the prompt")
    recording = session.recordings.add(path)
    with _lock(session):
        reading = read(session)
        earlier = reading.takes.get(prompt)
        _write(session, dataclasses.replace(reading, takes={**reading.takes, prompt: Take(recording.id)}))
    if earlier is not None and any(other.id == earlier.id for other in session.recordings.all()):
        session.recordings.remove(earlier.id)
    return read(session)


def hear(session: Session, prompt: str, id: str, heard: str, checked: bool) -> Reading:
    """Stores the base's transcript of a take, unless the take has been replaced since."""
    with _lock(session):
        reading = read(session)
        take = reading.takes.get(prompt)
        if take is not None and take.id == id:
            takes = {**reading.takes, prompt: Take(id, heard, checked)}
            _write(session, dataclasses.replace(reading, takes=takes))
    return read(session)


def keep(session: Session, prompt: str, language: str) -> Reading:
    """Keeps the take of a prompt, labelled with the prompt's text, and goes to the next prompt that has no kept take.

    Raises:
        DatasetError: there is no take of this prompt.
    """
    reading = read(session)
    take = reading.takes.get(prompt)
    if take is None:
        raise DatasetError("prompt_nothing", "Record the sentence first.")
    session.recordings.label(take.id, prompt, language)
    after = reading.prompts.index(prompt) if prompt in reading.prompts else reading.place - 1
    return _change(session, place=_next(reading, kept(session, reading), after))


def forget(session: Session, ids: Collection[str]) -> None:
    """Drops takes whose recordings are being deleted for good, along with their transcripts."""
    if not (session.folder / "reading.json").exists():
        return
    with _lock(session):
        reading = read(session)
        left = {prompt: take for prompt, take in reading.takes.items() if take.id not in ids}
        if len(left) < len(reading.takes):
            _write(session, dataclasses.replace(reading, takes=left))


def pending(session: Session, reading: Reading) -> Recording | None:
    """Returns the recording of the current prompt, kept or not; None if there is none or it was removed."""
    take = reading.takes.get(reading.prompt)
    try:
        return session.recordings.get(take.id) if take is not None else None
    except AttuneError:
        return None


def _next(reading: Reading, done: dict[str, Recording], after: int) -> int:
    """Returns the index of the next prompt with no kept take, wrapping around; the last index if all are kept."""
    places = range(len(reading.prompts))
    order = [*places[after + 1 :], *places[: after + 1]]
    return next((place for place in order if reading.prompts[place] not in done), places[-1])


def _place(reading: Reading, prompt: str) -> int:
    if prompt not in reading.prompts:
        raise DatasetError("prompt_gone", "That sentence is no longer in the list. Reload the page.")
    return reading.prompts.index(prompt)


def _change(session: Session, **changes: Any) -> Reading:
    with _lock(session):
        reading = dataclasses.replace(read(session), **changes)
        _write(session, reading)
    return reading


def _write(session: Session, reading: Reading) -> None:
    write_json(session.folder / "reading.json", dataclasses.asdict(reading))


def _lock(session: Session) -> FileLock:
    return lock(session.folder / "reading.lock")  # the base may finish transcribing one take while the next is being kept
