"""Hours of speech to train on: found and measured once, decoded clip by clip as a batch asks for them."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.audio import sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.audio.waves import evenly
from core.data.clips import labelled_set
from core.data.clips.labelled_set import Clip, Dropped
from core.data.importers.any_format import read_named
from core.data.importers.csv import read_csv
from core.data.library.library import Library
from core.errors import AudioError, DatasetError
from core.models.base.vocabulary import spoken_characters
from core.models.small.shapes import LETTERS
from core.pretraining.request import LANGUAGE
from core.runs.dropped_clips import clips_dropped
from core.storage.files import read_json_lines, replacing, sha256
from core.text.scripts import number_words
from core.training.events import Noticed

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".m4a", ".mp4", ".webm")
TABLES = ("manifest.csv", "clips.csv")  # in a folder: what `assets/make_corpus.py` and `attune import` write
SHORTEST_SECONDS = 1.0  # 49 frames, in which two masks of ten have room
LONGEST_SECONDS = 20.0  # of a clip with its text: attention is quadratic, and a longer one would be a batch of its own
WINDOW_SECONDS = 10.0  # sound without text is cut into pieces up to this length
MOST_HELD_OUT = 64  # clips, an even sample of more: they are decoded and transcribed at each evaluation
JITTER = 0.05  # of the lengths by which an epoch's batches are put together, so that they differ from epoch to epoch

Heard = list[tuple[np.ndarray, str]]  # float32 [samples] at 16 kHz, and what is said; "" where nobody knows


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a sound file.

    Attributes:
        path: of the file.
        start: where it begins, in seconds.
        seconds: duration.
        text: what is said in it, in the letters of `core.models.small.shapes`; "" where nobody knows.
    """

    path: str
    start: float
    seconds: float
    text: str = ""


@dataclass(frozen=True)
class Corpus:
    """The recordings to train on, and those held out.

    Attributes:
        train, held_out: stretches of sound.
    """

    train: tuple[Excerpt, ...]
    held_out: tuple[Excerpt, ...]

    @property
    def hours(self) -> float:
        """Of sound to learn from."""
        return sum(sound.seconds for sound in self.train) / 3600

    def write(self, path: Path) -> None:
        """Writes a line a stretch, so that a training that goes on has the same batches whatever became of its folders."""
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            for part, sounds in (("train", self.train), ("held_out", self.held_out)):
                file.writelines(json.dumps({"part": part, **vars(sound)}, ensure_ascii=True) + "\n" for sound in sounds)

    @classmethod
    def read(cls, path: Path) -> Corpus:
        """Reads what `write` wrote."""
        parts: dict[str, list[Excerpt]] = {"train": [], "held_out": []}
        for line in read_json_lines(path):
            parts[line.pop("part")].append(Excerpt(**line))
        return cls(tuple(parts["train"]), tuple(parts["held_out"]))


def find_corpus(data: Sequence[str], held_out: str, labelled: bool, library: Library | None) -> tuple[Corpus, list[Noticed]]:
    """Finds the sounds that sources name.

    Of a table with parts, "train" and clips without a part are learnt from. What is held out is the "validation" part of
    the same sources, or what `held_out` names: its validation part, or where it has none all of it but its training part.

    Args:
        data: each a folder (with one of `TABLES`, or else every sound in it, at any depth), a CSV, or a set's name.
        held_out: the same, or "".
        labelled: whether texts are needed.
        library: where named sets are.

    Returns:
        The corpus, and what was noticed about it.

    Raises:
        DatasetError: there is nothing to learn from, texts are needed and missing, or a recording is on both sides.
    """
    clips = [clip for source in data for clip in _clips(source, labelled, library)]
    aside = _clips(held_out, labelled, library) if held_out else clips
    train = [clip for clip in clips if clip.part in ("", "train")]
    tested = [clip for clip in aside if clip.part == "validation"]
    if held_out and not tested:
        tested = [clip for clip in aside if clip.part != "train"]
    tested = [tested[i] for i in evenly(len(tested), MOST_HELD_OUT)]
    if tested:
        labelled_set.refuse_shared_audio(train, tested, sha256)
    notices = []
    dropped: list[Dropped] = []
    parts = [_sounds(part, labelled, dropped) for part in (train, tested)]
    if not parts[0]:
        why = f" The first of {len(dropped)}: {dropped[0].message}" if dropped else ""
        raise DatasetError("pretrain_no_sound", f"There is no sound to learn from in {', '.join(data)}.{why}")
    if dropped:
        notices.append(clips_dropped(dropped))
    shared = {sound.text for sound in parts[0]} & {sound.text for sound in parts[1]} - {""}
    if shared:
        sentence = f"{len(shared)} sentences are both learnt from and held out, in other recordings."
        notices.append(Noticed("shared_sentences", sentence, {"sentences": len(shared)}))
    if not parts[1]:
        notices.append(Noticed("nothing_held_out", "Nothing is held out, so only the loss of training is told.", {}))
    return Corpus(tuple(parts[0]), tuple(parts[1])), notices


def batches(seconds: Sequence[float], budget: float, seed: int) -> Iterator[list[int]]:
    """Puts clips of similar length together, without end: every epoch all clips once, in other batches and another order.

    The n-th batch depends on the arguments and n alone.

    Args:
        seconds: of each clip.
        budget: seconds that a batch may hold, its clips counted as long as its longest; a longer clip is a batch of its own.
        seed: of the order.

    Yields:
        Indices of clips.
    """
    lengths = np.asarray(seconds)
    for epoch in itertools.count():
        rng = np.random.default_rng([seed, epoch])
        order = np.argsort(lengths * rng.uniform(1 - JITTER, 1 + JITTER, len(lengths)), kind="stable")
        made: list[list[int]] = [[]]
        longest = 0.0
        for i in map(int, order):
            longest = max(longest, lengths[i])
            if made[-1] and (len(made[-1]) + 1) * longest > budget:
                made.append([])
                longest = lengths[i]
            made[-1].append(i)
        yield from (made[int(i)] for i in rng.permutation(len(made)))


def decoded(sounds: Sequence[Excerpt]) -> Heard:
    """Decodes stretches of sound, leaving out what cannot be read or is silent."""
    heard = []
    for sound in sounds:
        try:
            span = (sound.start, sound.start + sound.seconds)
            wave = sound_files.decode(sound.path, LONGEST_SECONDS + 1, None if sound.text else span)
        except (AudioError, OSError):
            continue  # a file that went away, or a long pause in a long recording
        heard.append((wave, sound.text))
    return heard


def _clips(source: str, labelled: bool, library: Library | None) -> list[Clip]:
    folder = Path(source).expanduser()
    if not folder.is_dir():
        return list(read_named(source, LANGUAGE, library)[0].clips)
    table = next((folder / name for name in TABLES if (folder / name).is_file()), None)
    if table is not None:
        return read_csv(table, LANGUAGE)
    if labelled:
        raise DatasetError(
            "pretrain_no_texts",
            f"{source} says nowhere what is said in its sounds: it has no {' or '.join(TABLES)}. Name a CSV (path,text), "
            "or make one of it with attune import.",
        )
    found = sorted(Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return [Clip(str(path.resolve()), "") for path in found if path.suffix.lower() in SUFFIXES]


def _sounds(clips: Sequence[Clip], labelled: bool, dropped: list[Dropped]) -> list[Excerpt]:
    sounds = []
    for clip in clips:
        try:
            sounds += _stretches(clip, labelled)
        except (AudioError, DatasetError) as error:
            dropped.append(Dropped.because(clip.path, error))
    return sounds


def _stretches(clip: Clip, labelled: bool) -> list[Excerpt]:
    seconds = sound_files.probe(clip.path, sound_files.MAX_SOURCE_BYTES).seconds
    if not seconds:  # some containers do not say
        seconds = len(sound_files.decode(clip.path)) / SAMPLE_RATE
    name = Path(clip.path).name
    if seconds < SHORTEST_SECONDS or (labelled and seconds > LONGEST_SECONDS):
        limits = f"{SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s" if labelled else f"at least {SHORTEST_SECONDS:g} s"
        raise DatasetError("pretrain_clip_length", f"{name} is {seconds:.1f} s long; clips of {limits} are learnt from.")
    if labelled:
        return [Excerpt(clip.path, 0.0, seconds, _written(clip.text, name))]
    pieces = int(np.ceil(seconds / WINDOW_SECONDS))
    return [Excerpt(clip.path, i * seconds / pieces, seconds / pieces) for i in range(pieces)]


def _written(text: str, name: str) -> str:
    """Returns a text in the networks' letters, numbers as words.

    Raises:
        DatasetError: it holds a letter that they do not write; a text with a hole in it would teach them to leave it out.
    """
    spoken = spoken_characters(number_words(text, LANGUAGE))
    others = sorted(set(spoken) - set(LETTERS) - {" "})
    if others or not spoken:
        raise DatasetError(
            "pretrain_alphabet",
            f"{name}: the alphabet a to z and ' cannot write {' '.join(others) or 'an empty text'}. Write the text with these.",
        )
    return spoken
