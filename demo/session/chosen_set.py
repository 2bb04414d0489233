"""The labelled set that a session trains on: a sample set, the visitor's own clips, or a set of the library."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from core.data.canary import general_speech
from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.clips.parts import assign_parts
from core.data.library.stored_set import ID, StoredSet
from core.data.names import OWN
from core.data.samples import CANARY, SAMPLES, read_sample
from core.errors import DatasetError
from core.text.normalisation import Normalisation, default
from demo.session.session import Session
from demo.wording import Wording


def choices(session: Session, w: Wording) -> list[tuple[str, str]]:
    """Returns the sets to choose from as (label, name): sample sets, the visitor's own clips, then the library by name."""
    return [*((w(f"set.{name}"), name) for name in (*SAMPLES, OWN)), *_listed(session.library.sets(), w)]


def about(session: Session, w: Wording) -> str:
    """Returns a description of the chosen set.

    Raises:
        DatasetError: the set is no longer in the library.
    """
    name = session.choices.labelled_set
    if name in (*SAMPLES, OWN):
        return w(f"set.{name}.about")
    return w("set.stored.about", name=session.library.open(name).name)


def choose(session: Session, name: str) -> None:
    """Chooses a set: the name of a sample set, "own", or the id of a set of the library.

    Raises:
        DatasetError: there is no such set.
    """
    if name not in (*SAMPLES, OWN):
        session.library.open(name)
    session.choose(labelled_set=name)


def labelled_set(session: Session, closed: bool = False) -> LabelledSet:
    """Returns the chosen set with its split and its texts as a model should write them.

    Args:
        session: whose choice counts.
        closed: whether the texts come from a closed vocabulary, see `assign_parts`.

    Raises:
        DatasetError: there are too few clips to hold any out, or the set is no longer in the library.
    """
    typed = as_typed(session)
    if typed.name in SAMPLES and session.choices.labelled_set in SAMPLES:
        return typed
    stored = stored_set(session)
    clips = assign_parts(typed.clips, typed.language, stored.seed if stored else 0, closed=closed)
    return dataclasses.replace(typed, clips=tuple(clips)).written_as(form(session, typed))


def as_typed(session: Session) -> LabelledSet:
    """Returns the chosen set with its texts as typed; clips not assigned to a part by hand have none.

    Raises:
        DatasetError: the set is no longer in the library.
    """
    chosen = session.choices
    if chosen.labelled_set in SAMPLES:
        return read_sample(chosen.labelled_set)
    stored = stored_set(session)
    return stored.labelled() if stored else LabelledSet(OWN, tuple(session.recordings.clips()), chosen.language)


def changeable_set(session: Session) -> StoredSet:
    """Returns the chosen set, which must be one of the library.

    Raises:
        DatasetError: it is a sample set or the visitor's own clips.
    """
    stored = stored_set(session)
    if stored is None:
        raise DatasetError("not_of_library", "Only sets in the library can be changed. Copy this one first.")
    return stored


def stored_set(session: Session) -> StoredSet | None:
    """Returns the chosen set of the library, or None if a sample set or the visitor's own clips are chosen.

    Raises:
        DatasetError: the set is no longer in the library.
    """
    name = session.choices.labelled_set
    return session.library.open(name) if ID.fullmatch(name) else None


def form(session: Session, typed: LabelledSet) -> Normalisation:
    """Returns the normalisation of the chosen set's texts: the one chosen for it, or a default that suits it."""
    stored = stored_set(session)
    return stored.normalisation if stored else default(typed.language, [clip.text for clip in typed.clips])


def canary(session: Session) -> LabelledSet:
    """Returns the general speech that measures forgetting.

    Raises:
        DatasetError: it is also the training set, is no longer in the library, or is now in another language.
    """
    choices = session.choices
    if choices.canary == CANARY:
        return read_sample(CANARY)
    if choices.canary == choices.labelled_set:
        raise DatasetError("canary_is_set", "The training set cannot also measure forgetting. Choose another set for that.")
    return general_speech(session.library.open(choices.canary).labelled())


def canaries(session: Session, w: Wording) -> list[tuple[str, str]]:
    """Returns the available general speech as (label, name): the bundled set, then the library's English sets."""
    english = [one for one in session.library.sets() if one.language == "en"]
    return [(w("adapt.canary.general", clips=len(read_sample(CANARY).clips)), CANARY), *_listed(english, w)]


def choose_canary(session: Session, name: str) -> None:
    """Chooses the general speech: "general", or the id of a set of the library.

    Raises:
        DatasetError: there is no such set, or it is not English.
    """
    if name != CANARY:
        general_speech(session.library.open(name).labelled())
    session.choose(canary=name)


def sound(session: Session, clip: Clip) -> str:
    """Returns the URL at which this session's browser can play a clip of the chosen set.

    Raises:
        DatasetError: the chosen set has no such clip.
    """
    name = session.choices.labelled_set
    if name == OWN:
        return f"/sound/recording/{clip.id}"
    if ID.fullmatch(name):
        return f"/sound/set/{name}/{clip.id}"
    for index, one in enumerate(read_sample(name).clips):
        if one.id == clip.id:
            return f"/sound/sample/{name}/{index}"
    called = Path(clip.path).stem
    raise DatasetError("not_in_set", f"{name} has no clip {called!r}.", name=called)


def _listed(sets: Sequence[StoredSet], w: Wording) -> list[tuple[str, str]]:
    """Returns sets of the library as (label, id)."""
    return [(w("set.stored", name=one.name, clips=len(one.clips)), one.id) for one in sets]
