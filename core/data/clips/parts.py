"""The split of clips into train, validation and test, so that no model is scored on its training data."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

from core.data.clips.labelled_set import Clip
from core.errors import DatasetError
from core.text.scoring import normalise

HELD_OUT = {"test": 0.2, "validation": 0.1}  # shares of the clips, if a set comes without a split
MIN_CLIPS_TO_SPLIT = 3


def assign_parts(
    clips: Sequence[Clip],
    language: str,
    seed: int = 0,
    hold_out: Sequence[str] = tuple(HELD_OUT),
    closed: bool = False,
    lengths: Sequence[float] | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> list[Clip]:
    """Assigns train, validation or test to the clips that have no part yet.

    A sentence is never both in training and held out. With enough named speakers (at least five, none with more than
    half of the clips), the same holds for speakers. A set of only two texts, each said several times, such as yes and no, is
    treated as `closed`. Clips without words are put in training, which leaves them out and says so.

    The held-out clips cover all lengths in the set: the groups of clips that stay together are sorted by mean clip
    length and cut into as many blocks of neighbours as there are groups to hold out, and one group is drawn from each
    block (stratified sampling with proportional allocation, Cochran 1977, section 5.2).

    Args:
        clips: the clips; `part` is "" for those to assign. Clips that have a part keep it, and clips with the same
            sentence or speaker follow them.
        language: determines the normalisation used to compare sentences.
        seed: seed of the shuffle.
        hold_out: the parts to create if no clip is in them.
        closed: whether the texts are a closed set of words, each said many times and needed in every part: clips are then
            kept apart by speaker if there are enough speakers, otherwise drawn one by one.
        lengths: lengths of the clips in any unit; by default the number of characters in the text, which needs no decoding.
        go_on: called for every clip; raises an error to stop the work.

    Raises:
        DatasetError: there are too few different sentences to hold any out.
    """
    sentences = []
    for clip in clips:
        go_on()
        sentences.append(normalise(clip.text, language))
    silent = {i for i, sentence in enumerate(sentences) if not sentence}
    if silent:
        spoken = [clip for i, clip in enumerate(clips) if i not in silent]
        spans = None if lengths is None else [length for i, length in enumerate(lengths) if i not in silent]
        split = iter(assign_parts(spoken, language, seed, hold_out, closed, spans, go_on))
        return [dataclasses.replace(c, part=c.part or "train") if i in silent else next(split) for i, c in enumerate(clips)]
    has = {clip.part for clip in clips}
    wanted_parts = [part for part in hold_out if part not in has]
    open_groups: list[list[int]] = []
    chosen: dict[int, str] = {}
    for group in _linked_groups(clips, sentences, closed):
        fixed = {clips[i].part for i in group}
        follows = next((part for part in ("test", "validation", "train") if part in fixed), None)
        if follows is None:
            open_groups.append(group)
        else:
            chosen.update(dict.fromkeys(group, follows))
    if (open_groups or not clips) and len(open_groups) < MIN_CLIPS_TO_SPLIT and "test" in wanted_parts:
        said = Counter(sentences)
        if not closed and len(said) > 1 and min(said.values()) >= MIN_CLIPS_TO_SPLIT:
            return assign_parts(clips, language, seed, hold_out, True, lengths, go_on)
        raise DatasetError(
            "too_few_sentences",
            f"There are {len(open_groups)} different sentences; at least {MIN_CLIPS_TO_SPLIT} are needed, so that some "
            "can be held out. Record more.",
            sentences=len(open_groups),
            needed=MIN_CLIPS_TO_SPLIT,
        )
    rng = np.random.default_rng(seed)
    sizes = [len(clip.text) for clip in clips] if lengths is None else lengths
    total = sum(len(group) for group in open_groups)
    for part in wanted_parts:
        drawn = _drawn(open_groups, sizes, max(1, round(HELD_OUT[part] * total)), rng)
        for i in drawn:
            chosen.update(dict.fromkeys(open_groups[i], part))
        open_groups = [group for i, group in enumerate(open_groups) if i not in drawn]
    return [dataclasses.replace(c, part=c.part or chosen.get(i, "train")) for i, c in enumerate(clips)]


def _drawn(groups: Sequence[list[int]], lengths: Sequence[float], wanted: int, rng: np.random.Generator) -> set[int]:
    """Draws groups with about `wanted` clips in total, spread over all lengths; at least one group remains.

    Returns:
        Indices into `groups`.
    """
    means = [sum(lengths[i] for i in group) / len(group) for group in groups]
    by_length = sorted(map(int, rng.permutation(len(groups))), key=lambda i: means[i])  # equal lengths: random order
    blocks = round(wanted * len(groups) / max(1, sum(map(len, groups))))
    edges = np.linspace(0, len(groups), min(len(groups), max(1, blocks)) + 1).round().astype(int)
    first = [by_length[rng.integers(start, end)] for start, end in pairwise(edges)]
    drawn: set[int] = set()
    for i in (*map(int, rng.permutation(first)), *map(int, rng.permutation(by_length))):
        if wanted <= 0 or len(drawn) >= len(groups) - 1:
            break
        if i not in drawn:
            drawn.add(i)
            wanted -= len(groups[i])
    return drawn


def _linked_groups(clips: Sequence[Clip], sentences: Sequence[str], closed: bool) -> list[list[int]]:
    """Groups clips that must stay in one part: same sentence, and same speaker if speakers can be kept apart."""
    counts = Counter(clip.speaker for clip in clips)
    by_speaker = "" not in counts and len(counts) >= 5 and max(counts.values()) <= len(clips) / 2
    if closed:
        if not by_speaker:
            return [[i] for i in range(len(clips))]
        return list(_places(clip.speaker for clip in clips).values())

    by_sentence = _places(sentences)
    if not by_speaker:
        return list(by_sentence.values())
    parent = list(range(len(clips)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = i = parent[parent[i]]
        return i

    for members in (*by_sentence.values(), *_places(clip.speaker for clip in clips).values()):
        for member in members[1:]:
            parent[root(member)] = root(members[0])
    joined: dict[int, list[int]] = defaultdict(list)
    for i in range(len(clips)):
        joined[root(i)].append(i)
    # If speakers read the same prompts, all are linked to each other; then only sentences are kept apart.
    return list(joined.values()) if len(joined) >= 5 else list(by_sentence.values())


def _places(keys: Iterable[str]) -> dict[str, list[int]]:
    """Returns the indices of each key."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        places[key].append(i)
    return places
