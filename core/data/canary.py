"""General speech for measuring how much a run forgets: the set that comes with Attune, or the user's own recordings."""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from core.data.clips.labelled_set import Clip, LabelledSet
from core.errors import DatasetError

MOST_CLIPS = 60  # with more, a comparison would take longer on general speech than on its own set


def general_speech(labelled: LabelledSet, most: int = MOST_CLIPS) -> LabelledSet:
    """Chooses clips of a set to transcribe before and after training, from as many speakers as possible.

    Args:
        labelled: a set of ordinary English that is not used for training.
        most: maximum number of clips.

    Returns:
        The set with at most `most` clips: the first of each speaker, then the second of each, and so on.

    Raises:
        DatasetError: the set is empty or not in English, the language in which every model is checked.
    """
    if labelled.language != "en":
        raise DatasetError(
            "canary_language",
            f"General speech must be English; the set {labelled.name} is marked {labelled.language!r}.",
            name=labelled.name,
            language=labelled.language,
        )
    if not labelled.clips:
        raise DatasetError("canary_empty", f"The set {labelled.name} has no clip for measuring forgetting.", name=labelled.name)
    speakers: dict[str, list[Clip]] = defaultdict(list)
    for clip in labelled.clips:
        speakers[clip.speaker].append(clip)
    turns = [(turn, place, clip) for place, own in enumerate(speakers.values()) for turn, clip in enumerate(own)]
    chosen = [clip for _, _, clip in sorted(turns, key=lambda one: one[:2])[:most]]
    return dataclasses.replace(labelled, clips=tuple(chosen))
