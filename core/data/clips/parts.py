"""The split of clips into train, validation and test, so that no model is scored on its training data."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np

from core.data.clips.labelled_set import Clip, LabelledSet, Note
from core.errors import DatasetError
from core.text.metrics import VERDICT_CLIPS
from core.text.phrases import phrase
from core.text.scoring import leading_measure, normalise

HELD_OUT = {"test": 0.2, "validation": 0.1}  # shares of the clips, if a set comes without a split
MIN_CLIPS_TO_SPLIT = 3
FEW_CLIPS = 60  # up to here none choose a checkpoint: a tenth would be six, too few to tell checkpoints apart
MIN_TEST_CLIPS = VERDICT_CLIPS  # of few clips, or half of them


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

    Up to `FEW_CLIPS` clips whose speakers cannot be kept apart, such as those of one voice, at least `MIN_TEST_CLIPS` or half
    of the clips are for the test, and none for validation.

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
        hold_out: the parts to create if no clip is in them; few clips get no validation.
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
    few = not closed and len(clips) <= FEW_CLIPS and not _by_speaker(clips)
    wanted_parts = [part for part in hold_out if part not in has and not (few and part == "validation")]
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
        wanted = test_clips(total) if few else max(1, round(HELD_OUT[part] * total))
        drawn = _drawn(open_groups, sizes, wanted, rng, few)
        for i in drawn:
            chosen.update(dict.fromkeys(open_groups[i], part))
        open_groups = [group for i, group in enumerate(open_groups) if i not in drawn]
    return [dataclasses.replace(c, part=c.part or chosen.get(i, "train")) for i, c in enumerate(clips)]


def test_clips(clips: int) -> int:
    """Returns how many of a few clips are for the test: a fifth, but at least `MIN_TEST_CLIPS`, or half if that is less."""
    return max(1, min(clips // 2, max(MIN_TEST_CLIPS, round(HELD_OUT["test"] * clips))))


def small_test(labelled: LabelledSet) -> Note | None:
    """Says what the test clips of a small set can show; None if the set is not small or has no test clips.

    Args:
        labelled: a set with its split.
    """
    test = labelled.part("test")
    if len(labelled.clips) > FEW_CLIPS or labelled.part("validation") or not test:
        return None
    words = sum(len(normalise(clip.text, labelled.language).split()) for clip in test)
    unit = "character" if leading_measure(labelled.language) == "cer" else "word"
    size = phrase("{clips} test {clips:clip|clips}, {words} {words:" + f"{unit}|{unit}s}}", clips=len(test), words=words)
    details = {"clips": len(test), "words": words, "unit": f"{unit}s"}
    if len(test) >= MIN_TEST_CLIPS:
        sentence = "enough to see whether most of the errors go, not for small differences."
        return Note("test_shows_much", f"{size}: {sentence}", details)
    sentence = phrase(
        "{clips:it shows|they show} a direction, not a verdict; that takes {needed} test clips.",
        clips=len(test),
        needed=MIN_TEST_CLIPS,
    )
    return Note("test_shows_direction", f"{size}: {sentence}", {**details, "needed": MIN_TEST_CLIPS})


def _drawn(
    groups: Sequence[list[int]], lengths: Sequence[float], wanted: int, rng: np.random.Generator, closest: bool
) -> set[int]:
    """Draws groups with about `wanted` clips in total, spread over all lengths; at least one group remains.

    By default with at least `wanted`; with `closest`, groups after the first that overshoot it by more than half of
    themselves are left.

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
        if i not in drawn and not (closest and drawn and len(groups[i]) > 2 * wanted):
            drawn.add(i)
            wanted -= len(groups[i])
    return drawn


def _linked_groups(clips: Sequence[Clip], sentences: Sequence[str], closed: bool) -> list[list[int]]:
    """Groups clips that must stay in one part: same sentence, and same speaker if speakers can be kept apart."""
    by_speaker = _by_speaker(clips)
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


def _by_speaker(clips: Sequence[Clip]) -> bool:
    """Whether speakers can be kept apart: there are enough, all of them named, and none speaks over half of the clips."""
    counts = Counter(clip.speaker for clip in clips)
    return "" not in counts and len(counts) >= 5 and max(counts.values()) <= len(clips) / 2


def _places(keys: Iterable[str]) -> dict[str, list[int]]:
    """Returns the indices of each key."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        places[key].append(i)
    return places
