"""Labelled clips: reading, checking, and splitting so that nothing is scored on what it was trained on."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePath
from typing import Any, Literal

import numpy as np
import soundfile

from core.audio import sound_files
from core.audio.waves import Waves
from core.errors import AttuneError, AudioError, DatasetError
from core.text.normalisation import Normalisation
from core.text.scoring import MAX_TEXT_CHARACTERS, clean, has_words, normalise

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
HELD_OUT = {"test": 0.2, "validation": 0.1}  # shares of the clips, where a set brings no split
AS_TYPED = Normalisation()
MIN_CLIPS_TO_SPLIT = 3
MIN_SPEAKER_CLUSTERS = 8
CLIP_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Clip:
    """One recording with the transcript a person vouches for.

    Attributes:
        path: absolute path of a sound file.
        text: what is said in it.
        speaker: who says it; "" if unknown.
        part: "train", "validation", "test", or "" before the split.
        id: tells the clip from all others and never changes: not with its text, its part, or the place of its sound. A
            clip that is made without one gets that of `id_of`.
    """

    path: str
    text: str
    speaker: str = ""
    part: str = ""
    id: str = ""

    def __post_init__(self) -> None:
        if not self.id:
            object.__setattr__(self, "id", id_of(self.path))


def id_of(path: str) -> str:
    """Returns the id of a clip that has none yet, or whose id an earlier version did not write down.

    Recordings and sets of the library name a sound by the id of its clip; for any other sound the path decides.

    Args:
        path: of its sound.
    """
    name = PurePath(path).stem
    if CLIP_ID.fullmatch(name):
        return name
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def told_apart(clips: Iterable[Clip]) -> list[Clip]:
    """Returns clips of which no two have the same id: the later ones of a sound that is listed twice get others."""
    taken: set[str] = set()
    result = []
    for clip in clips:
        number = 1
        while clip.id in taken:
            number += 1
            clip = dataclasses.replace(clip, id=id_of(f"{clip.path} {number}"))
        taken.add(clip.id)
        result.append(clip)
    return result


@dataclass(frozen=True)
class Dropped:
    """A row that cannot be used, and why.

    Attributes:
        path: of its sound, as far as there is one.
        reason: a stable word, see `core.errors`.
        message: an English sentence, with the row's place in its source.
        where: that place alone, such as "clips.tsv, line 3"; "" for a clip that was no row.
        details: what fills the sentence of the reason in another language.
    """

    path: str
    reason: str
    message: str
    where: str = ""
    details: dict[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    @classmethod
    def because(cls, path: str, error: AttuneError, where: str = "") -> Dropped:
        """Drops a row for an error that names what is wrong with it."""
        return cls(path, error.reason, f"{where}: {error}" if where else str(error), where, dict(error.details))

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.replace("\\", "/").rpartition("/")[2]


@dataclass(frozen=True)
class LabelledSet:
    """Clips with a split.

    Attributes:
        name: shown to the user.
        clips: all of them, each with its part.
        language: ISO 639-1 code of the speech.
        synthetic: whether speech synthesisers made the clips.
        normalisation: how the texts are written; by default as a person typed them.
    """

    name: str
    clips: tuple[Clip, ...]
    language: str = "en"
    synthetic: bool = False
    normalisation: Normalisation = AS_TYPED

    def part(self, name: str) -> list[Clip]:
        """Returns the clips of "train", "validation" or "test"."""
        return [clip for clip in self.clips if clip.part == name]

    def written_as(self, normalisation: Normalisation) -> LabelledSet:
        """Returns the set with its texts as a model is to write them, in all three parts alike."""
        clips = (dataclasses.replace(clip, text=normalisation.apply(clip.text, self.language)) for clip in self.clips)
        return dataclasses.replace(self, clips=tuple(clips), normalisation=normalisation)

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> LabelledSet:
        """Builds a set from `to_json`'s dict."""
        normalisation = Normalisation.from_json(fields.get("normalisation", {}))
        return cls(**{**fields, "clips": tuple(Clip(**clip) for clip in fields["clips"]), "normalisation": normalisation})


@dataclass(frozen=True)
class Overlap:
    """What training and held-out clips share.

    Attributes:
        sentences: normalised sentences heard in both.
        speakers: named speakers heard in both.
    """

    sentences: int
    speakers: int


def check_text(text: str, language: str, name: str) -> str:
    """Returns a transcript cleaned for use.

    Raises:
        DatasetError: nothing is left to score, or it is longer than any clip's could be.
    """
    cleaned = clean(text)
    if not has_words(cleaned, language):
        raise DatasetError("text_empty", f"{name} has no words in its transcript. Type what is said.", name=name)
    if len(cleaned) > MAX_TEXT_CHARACTERS:
        raise DatasetError(
            "transcript_too_long",
            f"The transcript of {name} has {len(cleaned)} characters; the limit is {MAX_TEXT_CHARACTERS}.",
            name=name,
            limit=MAX_TEXT_CHARACTERS,
        )
    return cleaned


def assign_parts(
    clips: Sequence[Clip],
    language: str,
    seed: int = 0,
    hold_out: Sequence[str] = tuple(HELD_OUT),
    closed: bool = False,
    lengths: Sequence[float] | None = None,
    go_on: Callable[[], None] = lambda: None,
) -> list[Clip]:
    """Splits clips into train, validation and test, for those that have no part yet.

    A sentence never stands on both sides. Where there are enough named speakers (at least five, none with more than
    half of the clips), a speaker does not either.

    What is held out has clips of every length, as the set has: the groups that stay together, sorted by the mean length
    of their clips, are cut into as many blocks of neighbours as groups are to be held out, and one is drawn from each
    (stratified sampling with proportional allocation, Cochran 1977, section 5.2).

    Args:
        clips: with `part` "" where it is to be chosen; clips that have one keep it, and draw those with the same
            sentence or speaker after them.
        language: chooses the normalisation by which sentences are the same.
        seed: of the shuffle.
        hold_out: the parts to make where no clip has them.
        closed: the texts are a closed set of words, each said many times and wanted on every side: clips are kept
            apart by speaker where there are enough, else one by one.
        lengths: of the clips, in any unit; by default the number of characters said, which nobody has to decode.
        go_on: called at every clip; ends the work by an error.

    Raises:
        DatasetError: too few different sentences to hold any out.
    """
    has = {clip.part for clip in clips}
    wanted_parts = [part for part in hold_out if part not in has]
    open_groups: list[list[int]] = []
    chosen: dict[int, str] = {}
    for group in _linked_groups(clips, language, closed, go_on):
        fixed = {clips[i].part for i in group}
        follows = next((part for part in ("test", "validation", "train") if part in fixed), None)
        if follows is None:
            open_groups.append(group)
        else:
            chosen.update(dict.fromkeys(group, follows))
    if (open_groups or not clips) and len(open_groups) < MIN_CLIPS_TO_SPLIT and "test" in wanted_parts:
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


def overlap(train: Iterable[Clip], held_out: Iterable[Clip], language: str) -> Overlap:
    """Counts the sentences and named speakers that training and held-out clips share."""
    train, held_out = list(train), list(held_out)
    sentences = {normalise(c.text, language) for c in train} & {normalise(c.text, language) for c in held_out}
    speakers = {c.speaker for c in train if c.speaker} & {c.speaker for c in held_out if c.speaker}
    return Overlap(len(sentences), len(speakers))


def refuse_shared_audio(train: Sequence[Clip], held_out: Sequence[Clip], digest: Callable[[Path], str]) -> None:
    """Makes sure that no recording is both trained on and scored.

    Raises:
        DatasetError: one is.
    """
    trained = {digest(Path(clip.path)) for clip in train}
    shared = [clip for clip in held_out if digest(Path(clip.path)) in trained]
    if shared:
        raise DatasetError(
            "shared_audio",
            f"{len(shared)} recordings, {Path(shared[0].path).name} among them, are both for training and for testing. "
            "Nothing is scored on what it was trained on: take them out of one side.",
            clips=len(shared),
            name=Path(shared[0].path).name,
        )


def decode_clips(clips: Sequence[Clip], max_seconds: float) -> tuple[Waves, list[Clip], list[Dropped]]:
    """Decodes clips, leaving out those that cannot be read.

    Returns:
        Waves float32 [samples] at 16 kHz, the clips they belong to, and what was dropped and why.
    """
    waves, kept, dropped = Waves(), [], []
    for clip in clips:
        try:
            waves.append(sound_files.decode(clip.path, max_seconds))
            kept.append(clip)
        except AudioError as error:
            dropped.append(Dropped.because(clip.path, error))
    return waves, kept, dropped


def speakers_or_sentences(clips: Sequence[Clip], language: str) -> tuple[list[str], str]:
    """Returns the cluster of each clip for the bootstrap, and what a cluster is.

    Speakers where enough are named for an interval over them to mean something, else sentences. With few speakers the
    interval speaks of new sentences by these speakers, not of new speakers.
    """
    speakers = [clip.speaker for clip in clips]
    if all(speakers) and len(set(speakers)) >= MIN_SPEAKER_CLUSTERS:
        return speakers, "speakers"
    return [normalise(clip.text, language) for clip in clips], "sentences"


def _drawn(groups: Sequence[list[int]], lengths: Sequence[float], wanted: int, rng: np.random.Generator) -> set[int]:
    """Draws groups that together hold about `wanted` clips, spread over their lengths, and leaves at least one.

    Returns:
        Their places in `groups`.
    """
    means = [sum(lengths[i] for i in group) / len(group) for group in groups]
    by_length = sorted(map(int, rng.permutation(len(groups))), key=lambda i: means[i])  # equally long ones in any order
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


def _linked_groups(
    clips: Sequence[Clip], language: str, closed: bool = False, go_on: Callable[[], None] = lambda: None
) -> list[list[int]]:
    """Groups clips that must stay on one side: same sentence, and same speaker where speakers can be kept apart."""
    counts = Counter(clip.speaker for clip in clips)
    by_speaker = "" not in counts and len(counts) >= 5 and max(counts.values()) <= len(clips) / 2
    if closed:
        if not by_speaker:
            return [[i] for i in range(len(clips))]
        return list(_places(clip.speaker for clip in clips).values())

    def sentence(clip: Clip) -> str:
        go_on()
        return normalise(clip.text, language)

    by_sentence = _places(map(sentence, clips))
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
    # Readers of the same prompts link everyone to everyone; then sentences alone are kept apart.
    return list(joined.values()) if len(joined) >= 5 else list(by_sentence.values())


def _places(keys: Iterable[str]) -> dict[str, list[int]]:
    """Returns where each key stands."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        places[key].append(i)
    return places


def clip_seconds(clip: Clip) -> float:
    """Returns how long a clip is; 0.0 where its sound is missing or damaged: training leaves it out, and says so."""
    try:
        return sound_files.duration(clip.path)
    except soundfile.SoundFileError:
        return 0.0
