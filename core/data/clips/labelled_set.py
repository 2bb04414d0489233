"""Labelled clips: their texts and parts, checking and decoding them."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Literal

import soundfile

from core.audio import sound_files
from core.audio.waves import Waves
from core.errors import AttuneError, AudioError, DatasetError
from core.text.normalisation import Normalisation
from core.text.scoring import MAX_TEXT_CHARACTERS, clean, has_words, normalise

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")
AS_TYPED = Normalisation()
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


def with_words(clips: Iterable[Clip], language: str) -> tuple[list[Clip], list[Dropped]]:
    """Returns the clips whose text has words to learn and score, and the others, such as "[noise]", with the reason."""
    kept: list[Clip] = []
    dropped: list[Dropped] = []
    for clip in clips:
        if has_words(clip.text, language):
            kept.append(clip)
            continue
        name = Path(clip.path).name
        why = f"{name} is not trained on and not scored: its text, {clip.text[:100]!r}, has no words."
        dropped.append(Dropped(clip.path, "clip_no_words", why, details={"name": name, "text": clip.text[:100]}))
    return kept, dropped


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


def decode_clips(
    clips: Sequence[Clip], max_seconds: float, language: str | None = None
) -> tuple[Waves, list[Clip], list[Dropped]]:
    """Decodes clips, leaving out those that cannot be decoded, and those without words if a language is given.

    Returns:
        Waves float32 [samples] at 16 kHz, the clips they belong to, and the dropped clips with reasons.
    """
    waves, kept = Waves(), []
    clips, dropped = (clips, []) if language is None else with_words(clips, language)
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


def clip_seconds(clip: Clip) -> float:
    """Returns the duration of a clip in seconds; 0.0 if its sound is missing or damaged, as training drops and reports it."""
    try:
        return sound_files.duration(clip.path)
    except soundfile.SoundFileError:
        return 0.0
