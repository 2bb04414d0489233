"""The labelled set that a session learns from: a sample set, the own clips, or a set of its library."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from core.dataset import LabelledSet, assign_parts
from core.errors import DatasetError
from core.importers.samples import SAMPLES, read_sample
from core.stored import ID
from demo.session import Session
from demo.wording import Wording

OWN = "own"


def choices(session: Session, w: Wording) -> list[tuple[str, str]]:
    """Returns what can be learnt from, each with its label: sample sets, the own clips, then the library by name."""
    stored = [(w("set.stored", name=one.name, clips=len(one.clips)), one.id) for one in session.library.sets()]
    return [*((w(f"set.{name}"), name) for name in (*SAMPLES, OWN)), *stored]


def about(session: Session, w: Wording) -> str:
    """Says what the chosen set is.

    Raises:
        DatasetError: it is no longer in the library.
    """
    name = session.choices.labelled_set
    if name in (*SAMPLES, OWN):
        return w(f"set.{name}.about")
    return w("set.stored.about", name=session.library.open(name).name)


def choose(session: Session, name: str) -> None:
    """Chooses a set by the name of a sample set, "own", or an id of the library.

    Raises:
        DatasetError: there is no such set.
    """
    if name not in (*SAMPLES, OWN):
        session.library.open(name)
    session.choose(labelled_set=name)


def labelled_set(session: Session, closed: bool = False) -> LabelledSet:
    """Returns the chosen set with its split; `closed` where it is a closed set of words, see `assign_parts`.

    Raises:
        DatasetError: too few own clips to hold any out, or the set is no longer in the library.
    """
    chosen = session.choices
    if chosen.labelled_set in SAMPLES:
        return read_sample(chosen.labelled_set)
    if ID.fullmatch(chosen.labelled_set):
        stored = session.library.open(chosen.labelled_set)
        labelled = stored.for_training()
        clips = assign_parts(labelled.clips, stored.language, stored.seed, closed=closed)
        return dataclasses.replace(labelled, clips=tuple(clips))
    clips = assign_parts(session.collection.clips(), chosen.language, closed=closed)
    return LabelledSet(OWN, tuple(clips), chosen.language)


def sound(session: Session, path: str) -> str:
    """Returns the address under which the browser of this session hears a clip of the chosen set.

    Raises:
        DatasetError: the chosen set has no such clip.
    """
    name = session.choices.labelled_set
    stem = Path(path).stem
    if name == OWN:
        return f"/sound/recording/{stem}"
    if ID.fullmatch(name):
        return f"/sound/set/{name}/{stem}"
    for index, clip in enumerate(read_sample(name).clips):
        if clip.path == path:
            return f"/sound/sample/{name}/{index}"
    raise DatasetError("not_in_set", f"{name} has no clip {stem!r}.", name=stem)
