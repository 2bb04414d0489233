"""Manual moves of clips between train, validation and test that keep training and held-out clips apart."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from core.data.clips.labelled_set import PARTS, Clip, LabelledSet, Overlap, Part, overlap
from core.errors import DatasetError
from core.text.scoring import normalise


@dataclass(frozen=True)
class Moved:
    """The result of a move.

    Attributes:
        labelled: the set with its new split.
        moved: ids of the requested clips, which are now in the part.
        dragged: ids of the clips moved along, so that no sentence or speaker is split between parts.
        overlap: overlap between training and held-out clips after the move, never more than before it.
    """

    labelled: LabelledSet
    moved: tuple[str, ...]
    dragged: tuple[str, ...]
    overlap: Overlap


def move(
    labelled: LabelledSet,
    part: Part,
    ids: Collection[str] = (),
    speakers: Collection[str] = (),
    drag: bool = True,
    closed: bool = False,
) -> Moved:
    """Moves clips to a part, together with the clips that must go with them.

    Whatever the split keeps apart stays apart: if no sentence is in two parts, all takes of a moved sentence go along;
    likewise all clips of a speaker, if no named speaker is in two parts. If some are in both held-out parts, but none
    both in training and held out, only the latter is preserved. Clips of the same file always stay together.

    Args:
        labelled: the set.
        part: the part to move to.
        ids: ids of the clips to move.
        speakers: speakers whose clips are all moved.
        drag: whether further clips may be moved along; if False, a move that needs them is refused.
        closed: whether the texts are a closed set of words, said in every part; then only speakers are kept apart.

    Raises:
        DatasetError: the set has no such clip or speaker, further clips would have to go along but `drag` is False, or
            nothing would be left to train on.
    """
    if part not in PARTS:
        raise DatasetError("part_unknown", f"A part is train, validation or test, not {part!r}.", part=part)
    clips = labelled.clips
    missing = sorted({*ids} - {clip.id for clip in clips} | {*speakers} - {clip.speaker for clip in clips})
    if missing:
        raise DatasetError("not_in_set", f"{labelled.name} has no clip or speaker {missing[0]!r}.", name=missing[0])
    keys = {"path": [clip.path for clip in clips], "speaker": [clip.speaker for clip in clips]}
    if not closed:
        keys["sentence"] = [normalise(clip.text, labelled.language) for clip in clips]
    sides = {name: _kept_apart(values, clips) if name != "path" else _every_part for name, values in keys.items()}
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for name, values in keys.items():
        for i, value in enumerate(values):
            members[name, value].append(i)

    ids, speakers = frozenset(ids), frozenset(speakers)
    asked = [i for i, clip in enumerate(clips) if clip.id in ids or (clip.speaker and clip.speaker in speakers)]
    going = {i for i in asked if clips[i].part != part}
    waiting = sorted(going)
    seen: set[tuple[str, str]] = set()
    while waiting:
        i = waiting.pop()
        for name, values in keys.items():
            key, side = (name, values[i]), sides[name]
            if side is None or not values[i] or key in seen:
                continue
            seen.add(key)
            follow = [j for j in members[key] if j not in going and side(clips[j].part) != side(part)]
            going.update(follow)
            waiting += follow
    dragged = tuple(clips[i].id for i in sorted(going - set(asked)))
    if dragged and not drag:
        raise DatasetError(
            "move_overlaps",
            f"{len(dragged)} other clips have the same sentence or speaker and would have to move too. "
            "Move them as well, or leave these where they are.",
            clips=len(dragged),
        )
    after = tuple(dataclasses.replace(clip, part=part) if i in going else clip for i, clip in enumerate(clips))
    if clips and not any(clip.part == "train" for clip in after):
        raise DatasetError("move_empties", "That would leave no clip to train on. Move fewer.")
    result = dataclasses.replace(labelled, clips=after)
    shared = overlap(result.part("train"), _held_out(after), labelled.language)
    return Moved(result, tuple(clips[i].id for i in asked), dragged, shared)


def _held_out(clips: Iterable[Clip]) -> list[Clip]:
    return [clip for clip in clips if clip.part in ("validation", "test")]


def _every_part(part: str) -> str:
    return part


def _train_or_not(part: str) -> str:
    return "train" if part == "train" else "held out"


def _kept_apart(values: Sequence[str], clips: Sequence[Clip]) -> Callable[[str], str] | None:
    """Returns a function that maps a part to the side by which the split keeps values apart.

    The sides are all three parts, or training and held out; returns None if values are not kept apart at all.
    """
    for side in (_every_part, _train_or_not):
        found: dict[str, set[str]] = defaultdict(set)
        for value, clip in zip(values, clips, strict=True):
            if value and clip.part:
                found[value].add(side(clip.part))
        if all(len(parts) == 1 for parts in found.values()):
            return side
    return None
