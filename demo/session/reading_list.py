"""The prompts a person reads aloud: the list, the position in it and the last take of each prompt, saved at every step.

SESSION/
  reading.json      all of this; the recordings themselves are in SESSION/recordings
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from filelock import FileLock

from core.data.clips.exam import EXAM, EXAM_SENTENCES, LESSON_SENTENCES, LESSONS, Prompt, in_order
from core.data.clips.labelled_set import check_text
from core.data.library.recordings import Recording
from core.errors import AttuneError, DatasetError
from core.storage.files import write_json
from core.storage.state import lock, read_fields
from core.text.scoring import clean, normalise
from demo.session.reading import Reading, Take, adapted, chosen_anew, retired, with_own, with_plan
from demo.session.session import Session
from demo.wording.reading_lists import LISTS, OWN, WORDS

MAX_PROMPTS = 1_000  # of the person's own list


def read(session: Session) -> Reading:
    """Returns the stored state of this session's reading."""
    path = session.folder / "reading.json"
    stored = read_fields(path, Reading, session.damaged)
    plans = {name: tuple(Prompt(p["text"], p["part"]) for p in plan) for name, plan in stored.get("plans", {}).items() if plan}
    own, language = tuple(stored.get("own", ())), session.choices.language
    list = stored.get("list", f"{language}_sentences")
    if list not in (*LISTS, *plans) and not (list == OWN and own):
        list = LISTS[0]
    takes = {}
    for prompt, take in stored.get("takes", {}).items():
        takes[prompt] = Take(take["id"], take.get("heard"), take.get("checked", True), take.get("base", ""))
    rest = (tuple(stored.get(name, ())) for name in ("chosen", "retired"))
    return with_plan(Reading(list, own, max(0, stored.get("place", 0)), takes, plans, *rest), language)


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
    if name == WORDS and name not in reading.plans:
        raise DatasetError("terms_none", "Type the words first: names, places or terms, with commas between them.")
    if name not in (*LISTS, OWN, *reading.plans):
        raise DatasetError("reading_unknown", "There is no such list of sentences.")
    chosen = with_plan(dataclasses.replace(reading, list=name, place=0), session.choices.language)
    return _change(session, list=name, plans=chosen.plans, place=_next(chosen, kept(session, chosen), -1))


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
    plans = with_own(read(session), own, language).plans
    return use_plan(session, OWN, plans[OWN], own=own)


def use_plan(session: Session, name: str, plan: Sequence[Prompt], **changes: Any) -> Reading:
    """Stores a list whose prompts say themselves whether they are exam or lesson, and chooses it.

    Args:
        session: whose list it is.
        name: of the list; `read` finds it under this name.
        plan: its prompts, at least one; `in_order` puts the exam first.
        **changes: other fields of `Reading` to change with it.
    """
    _change(session, plans={**read(session).plans, name: in_order(plan)}, **changes)
    return choose(session, name)


def more(session: Session) -> Reading:
    """Adds another exam and more lessons from the list, of sentences not read yet; those planned and not read are dropped.

    Raises:
        DatasetError: all sentences of the list are read.
    """
    with _lock(session):
        reading = read(session)
        done = [prompt for prompt in reading.plan if prompt.text in reading.takes]
        counts = [
            sum(prompt.part == part for prompt in done) + n for part, n in ((EXAM, EXAM_SENTENCES), (LESSONS, LESSON_SENTENCES))
        ]
        changed = chosen_anew(reading, session.choices.language, [prompt.text for prompt in done], (counts[0], counts[1]))
        if len(changed.plan) == len(done):
            raise DatasetError("reading_no_more", "All sentences of this list are read. Choose another list.")
        changed = dataclasses.replace(changed, place=_next(changed, kept(session, changed), -1))
        _write(session, changed)
    return changed


def move(session: Session, prompt: str, steps: int) -> Reading:
    """Moves forward or back from a prompt, stopping at either end."""
    reading = read(session)
    place = _place(reading, prompt) + steps
    return _change(session, place=max(0, min(place, len(reading.prompts) - 1)))


def receive(session: Session, prompt: str, path: Path | str) -> Reading:
    """Adds a take of a prompt to the recordings and then removes the prompt's earlier take.

    A sentence of the exam is read once: a take that is kept is not replaced.

    Raises:
        AudioError: the file cannot be used; the earlier take stays.
        DatasetError: there are too many recordings, the prompt has no words or is not in the plan, or it is a sentence of
            the exam whose take is kept; likewise.
        OSError: the disk is full; likewise.
    """
    check_text(prompt, session.choices.language, "the prompt")
    reading = read(session)
    if reading.plan[_place(reading, prompt)].part == EXAM and prompt in kept(session, reading):
        raise DatasetError("exam_once", "A sentence of the exam is read once, so that its errors count as they are.")
    recording = session.recordings.add(path)
    with _lock(session):
        reading = read(session)
        earlier = reading.takes.get(prompt)
        _write(session, dataclasses.replace(reading, takes={**reading.takes, prompt: Take(recording.id)}))
    if earlier is not None and any(other.id == earlier.id for other in session.recordings.all()):
        session.recordings.remove(earlier.id)
    return read(session)


def hear(session: Session, prompt: str, id: str, heard: str, checked: bool, base: str = "") -> Reading:
    """Stores the base's transcript of a take, unless the take has been replaced since.

    With the first transcripts of an exam, the other sentences of a long list are chosen for what the base got wrong.
    """
    with _lock(session):
        reading = read(session)
        take = reading.takes.get(prompt)
        if take is not None and take.id == id:
            takes = {**reading.takes, prompt: Take(id, heard, checked, base)}
            _write(session, adapted(dataclasses.replace(reading, takes=takes), session.choices.language))
    return read(session)


def keep(session: Session, prompt: str, language: str) -> Reading:
    """Keeps the take of a prompt, labelled with the prompt's text and part.

    Raises:
        DatasetError: there is no take of this prompt.
    """
    reading = read(session)
    take = reading.takes.get(prompt)
    if take is None:
        raise DatasetError("prompt_nothing", "Record the sentence first.")
    everywhere = (one for plan in (reading.plan, *reading.plans.values()) for one in plan)
    part = next((one.part for one in everywhere if one.text == prompt), "")
    session.recordings.label(take.id, prompt, language, part)
    return reading


def go_on(session: Session, prompt: str) -> Reading:
    """Goes to the next prompt after this one that has no kept take."""
    reading = read(session)
    after = reading.prompts.index(prompt) if prompt in reading.prompts else reading.place - 1
    return _change(session, place=_next(reading, kept(session, reading), after))


def current(session: Session) -> Reading:
    """Returns the stored state, after replacing sentences of the exam whose recording was removed.

    Their transcript was seen, so they are not read again; another sentence of a long list takes their place.
    """
    reading = read(session)
    here = {recording.id for recording in session.recordings.all()}
    seen = {prompt for prompt, take in reading.takes.items() if take.heard is not None and take.id not in here}
    if not any(one.text in seen and one.part == EXAM for one in reading.plan):
        return reading
    with _lock(session):
        changed = retired(read(session), session.choices.language, seen)
        _write(session, changed)
    return changed


def forget(session: Session, ids: Collection[str]) -> None:
    """Drops takes whose recordings are being deleted for good, along with their transcripts."""
    if not (session.folder / "reading.json").exists():
        return
    with _lock(session):
        reading = read(session)
        left = {prompt: take for prompt, take in reading.takes.items() if take.id not in ids}
        if len(left) < len(reading.takes):
            seen = {prompt for prompt, take in reading.takes.items() if prompt not in left and take.heard is not None}
            reading = retired(reading, session.choices.language, seen)
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
        reading = with_plan(dataclasses.replace(read(session), **changes), session.choices.language)
        _write(session, reading)
    return reading


def _write(session: Session, reading: Reading) -> None:
    write_json(session.folder / "reading.json", dataclasses.asdict(reading))


def _lock(session: Session) -> FileLock:
    return lock(session.folder / "reading.lock")  # the base may finish transcribing one take while the next is being kept
