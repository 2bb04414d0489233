"""The general speech by which a run shows what it forgot: what comes with Attune, or recordings of one's own."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from core.data.clips.labelled_set import Clip, LabelledSet
from core.errors import DatasetError

MOST_CLIPS = 60  # beyond which a comparison waits for general speech longer than for the set that it is about


def general_speech(labelled: LabelledSet, most: int = MOST_CLIPS) -> LabelledSet:
    """Chooses clips of a set to be read before and after training, of as many speakers as there are.

    Args:
        labelled: a set of ordinary English, of which nothing is trained on.
        most: clips to take.

    Returns:
        The set with at most so many clips: each speaker's first, then each speaker's second, and so on.

    Raises:
        DatasetError: the set is empty, or not English, which is what every model is checked by.
    """
    if labelled.language != "en":
        raise DatasetError(
            "canary_language",
            f"General speech has to be English; the set {labelled.name} is marked {labelled.language!r}.",
            name=labelled.name,
            language=labelled.language,
        )
    if not labelled.clips:
        raise DatasetError(
            "canary_empty", f"The set {labelled.name} has no clip to check general speech by.", name=labelled.name
        )
    speakers: dict[str, list[Clip]] = defaultdict(list)
    for clip in labelled.clips:
        speakers[clip.speaker].append(clip)
    turns = [(turn, place, clip) for place, own in enumerate(speakers.values()) for turn, clip in enumerate(own)]
    chosen = [clip for _, _, clip in sorted(turns, key=lambda one: one[:2])[:most]]
    return dataclasses.replace(labelled, clips=tuple(chosen))
