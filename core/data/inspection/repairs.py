"""Remedies for the findings of an inspection: each takes a labelled set and returns a repaired one."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence

from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.clips.parts import assign_parts
from core.data.clips.splits import move
from core.data.inspection.findings import SetFinding
from core.errors import DatasetError


def repair(labelled: LabelledSet, finding: SetFinding, seed: int = 0, closed: bool = False) -> LabelledSet:
    """Applies the remedy of a finding.

    Args:
        labelled: the inspected set.
        finding: a finding of that inspection.
        seed: seed of a new split.
        closed: whether the texts are a closed set of words, see `core.data.clips.parts.assign_parts`.

    Raises:
        DatasetError: the finding has no remedy, or it cannot be applied: nothing would be left to train on, or there are
            too few sentences to hold any out.
    """
    match finding.remedy:
        case "drop":
            return drop(labelled, finding.clips)
        case "move_to_train":
            return move_to_train(labelled, finding.clips, closed)
        case "split":
            return split(labelled, seed, closed)
        case "resplit":
            return resplit(labelled, seed, closed)
    raise DatasetError("no_remedy", f"There is no automatic fix for {finding.kind!r}. Listen to the clips.", kind=finding.kind)


def drop(labelled: LabelledSet, clips: Sequence[Clip]) -> LabelledSet:
    """Removes clips; if a row occurs twice and is named once, removes the later one."""
    unwanted = Counter(clips)
    kept = []
    for clip in reversed(labelled.clips):
        if unwanted[clip] > 0:
            unwanted[clip] -= 1
        else:
            kept.append(clip)
    return dataclasses.replace(labelled, clips=tuple(reversed(kept)))


def move_to_train(labelled: LabelledSet, clips: Sequence[Clip], closed: bool = False) -> LabelledSet:
    """Moves held-out clips to training, together with the clips that must not stay held out.

    Raises:
        DatasetError: the set has no such clips.
    """
    return move(labelled, "train", {clip.id for clip in clips}, closed=closed).labelled


def split(labelled: LabelledSet, seed: int = 0, closed: bool = False) -> LabelledSet:
    """Assigns a part to the clips that have none.

    Raises:
        DatasetError: there are too few sentences to hold any out.
    """
    return dataclasses.replace(labelled, clips=tuple(assign_parts(labelled.clips, labelled.language, seed, closed=closed)))


def resplit(labelled: LabelledSet, seed: int = 0, closed: bool = False) -> LabelledSet:
    """Replaces the split with a new one.

    Raises:
        DatasetError: there are too few sentences to hold any out.
    """
    unsplit = tuple(dataclasses.replace(clip, part="") for clip in labelled.clips)
    return split(dataclasses.replace(labelled, clips=unsplit), seed, closed)
