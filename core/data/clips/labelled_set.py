"""Labelled clips: decoding, checking, and splitting them so that no model is scored on its training data."""

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
HELD_OUT = {"test": 0.2, "validation": 0.1}  # shares of the clips, if a set comes without a split
AS_TYPED = Normalisation()
MIN_CLIPS_TO_SPLIT = 3
MIN_SPEAKER_CLUSTERS = 8
CLIP_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True)
class Clip:
    """One recording with a transcript checked by a person.

    Attributes:
        path: absolute path of a sound file.
        text: transcript.
        speaker: name of the speaker; "" if unknown.
        part: "train", "validation", "test", or "" before the split.
        id: unique id of the clip, which stays the same when its text, its part or the path of its sound changes. A clip
            created without one gets the id that `id_of` returns.
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
    """Returns an id for a clip that has none yet, or whose id an earlier version did not store.

    Recordings and library sets name a sound file by the id of its clip; for any other sound, the id is a hash of the path.

    Args:
        path: path of the clip's sound.
    """
    name = PurePath(path).stem
    if CLIP_ID.fullmatch(name):
        return name
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def told_apart(clips: Iterable[Clip]) -> list[Clip]:
    """Returns the clips with unique ids: if a sound is listed more than once, its later clips get new ids."""
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
    """A row that cannot be used, and the reason.

    Attributes:
        path: path of its sound, if there is one.
        reason: a stable word, see `core.errors`.
        message: an English sentence with the row's place in its source.
        where: that place alone, such as "clips.tsv, line 3"; "" for a clip that did not come from a row.
        details: values for the reason's sentence in other languages.
    """

    path: str
    reason: str
    message: str
    where: str = ""
    details: dict[str, Any] = dataclasses.field(default_factory=dict, hash=False)

    @classmethod
    def because(cls, path: str, error: AttuneError, where: str = "") -> Dropped:
        """Returns a dropped row whose reason is the given error."""
        return cls(path, error.reason, f"{where}: {error}" if where else str(error), where, dict(error.details))

    @property
    def name(self) -> str:
        """The file name in its path."""
        return self.path.replace("\\", "/").rpartition("/")[2]


@dataclass(frozen=True)
class Note:
    """What an import assumed, or did not use, where no row is dropped.

    Attributes:
        reason: a stable word, see `core.errors`.
        message: an English sentence.
        details: values for the reason's sentence in other languages.
    """

    reason: str
    message: str
    details: dict[str, Any] = dataclasses.field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class LabelledSet:
    """Clips with a split.

    Attributes:
        name: name shown to the user.
        clips: all clips, each with its part.
        language: ISO 639-1 code of the speech.
        synthetic: whether the clips are synthetic speech.
        normalisation: how the texts are written; by default as typed.
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
        """Returns the set with the texts of all three parts normalised, as a model is to write them."""
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
    """Overlap between training and held-out clips.

    Attributes:
        sentences: number of normalised sentences in both.
        speakers: number of named speakers in both.
    """

    sentences: int
    speakers: int


def check_text(text: str, language: str, name: str) -> str:
    """Returns a transcript cleaned for use.

    Raises:
        DatasetError: no words are left to score, or it is too long for any clip.
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
    """Assigns train, validation or test to the clips that have no part yet.

    A sentence is never both in training and held out. With enough named speakers (at least five, none with more than
    half of the clips), the same holds for speakers.

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
    """Counts the sentences and named speakers shared by training and held-out clips."""
    train, held_out = list(train), list(held_out)
    sentences = {normalise(c.text, language) for c in train} & {normalise(c.text, language) for c in held_out}
    speakers = {c.speaker for c in train if c.speaker} & {c.speaker for c in held_out if c.speaker}
    return Overlap(len(sentences), len(speakers))


def refuse_shared_audio(train: Sequence[Clip], held_out: Sequence[Clip], digest: Callable[[Path], str]) -> None:
    """Checks that no recording is used both for training and for scoring.

    Raises:
        DatasetError: a recording is used for both.
    """
    trained = {digest(Path(clip.path)) for clip in train}
    shared = [clip for clip in held_out if digest(Path(clip.path)) in trained]
    if shared:
        raise DatasetError(
            "shared_audio",
            f"{len(shared)} recordings, {Path(shared[0].path).name} among them, are in both training and test. "
            "A model is never scored on what it was trained on: remove one of each pair.",
            clips=len(shared),
            name=Path(shared[0].path).name,
        )


def decode_clips(clips: Sequence[Clip], max_seconds: float) -> tuple[Waves, list[Clip], list[Dropped]]:
    """Decodes clips, leaving out those that cannot be decoded.

    Returns:
        Waves float32 [samples] at 16 kHz, the clips they belong to, and the dropped clips with reasons.
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
    """Returns the cluster of each clip for the bootstrap, and the kind of cluster, "speakers" or "sentences".

    Clusters are speakers if all clips name one and there are enough of them for a meaningful interval, otherwise
    sentences. With few speakers, the interval applies to new sentences by these speakers, not to new speakers.
    """
    speakers = [clip.speaker for clip in clips]
    if all(speakers) and len(set(speakers)) >= MIN_SPEAKER_CLUSTERS:
        return speakers, "speakers"
    return [normalise(clip.text, language) for clip in clips], "sentences"


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


def _linked_groups(
    clips: Sequence[Clip], language: str, closed: bool = False, go_on: Callable[[], None] = lambda: None
) -> list[list[int]]:
    """Groups clips that must stay in one part: same sentence, and same speaker if speakers can be kept apart."""
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
    # If speakers read the same prompts, all are linked to each other; then only sentences are kept apart.
    return list(joined.values()) if len(joined) >= 5 else list(by_sentence.values())


def _places(keys: Iterable[str]) -> dict[str, list[int]]:
    """Returns the indices of each key."""
    places: dict[str, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        places[key].append(i)
    return places


def clip_seconds(clip: Clip) -> float:
    """Returns the duration of a clip in seconds; 0.0 if its sound is missing or damaged, as training drops and reports it."""
    try:
        return sound_files.duration(clip.path)
    except soundfile.SoundFileError:
        return 0.0
