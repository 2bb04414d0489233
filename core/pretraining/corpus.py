"""Training corpora: recordings are found and measured once, and decoded clip by clip when a batch needs them."""

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
from core.data.clips.labelled_set import Clip, Dropped, check_text
from core.data.importers.any_format import read_named
from core.data.importers.tables.csv import read_csv
from core.data.library.library import Library
from core.errors import AudioError, DatasetError
from core.models.base.vocabulary import spoken_characters
from core.models.small.shapes import LETTERS
from core.pretraining.request import LANGUAGE
from core.runs.unusable_clips import clips_dropped
from core.storage.files import read_json_lines, replacing, sha256
from core.text.scripts import number_words
from core.training.events import Noticed

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".m4a", ".mp4", ".webm")
TABLES = ("manifest.csv", "clips.csv")  # in a folder, as written by `assets/make_corpus.py` and `attune import`
SHORTEST_SECONDS = 1.0  # 49 frames, enough for two masks of ten
LONGEST_SECONDS = 20.0  # for a clip with its text: attention is quadratic, and a longer clip would fill a batch by itself
WINDOW_SECONDS = 10.0  # audio without text is cut into pieces of at most this length
MOST_HELD_OUT = 64  # clips, an even sample if there are more: each evaluation decodes and transcribes them
JITTER = 0.05  # random variation of the lengths used for batching, so that batches differ between epochs

Heard = list[tuple[np.ndarray, str]]  # float32 [samples] at 16 kHz, and the text, "" if unknown


@dataclass(frozen=True)
class Excerpt:
    """A segment of an audio file.

    Attributes:
        path: path of the file.
        start: start in seconds.
        seconds: duration.
        text: its text, in the letters of `core.models.small.shapes`; "" if unknown.
    """

    path: str
    start: float
    seconds: float
    text: str = ""


@dataclass(frozen=True)
class Corpus:
    """The recordings to train on, and those held out.

    Attributes:
        train, held_out: segments of audio.
    """

    train: tuple[Excerpt, ...]
    held_out: tuple[Excerpt, ...]

    @property
    def hours(self) -> float:
        """Hours of training audio."""
        return sum(sound.seconds for sound in self.train) / 3600

    def write(self, path: Path) -> None:
        """Writes one line per segment, so that a resumed training has the same batches even if its source folders changed."""
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
            for part, sounds in (("train", self.train), ("held_out", self.held_out)):
                file.writelines(json.dumps({"part": part, **vars(sound)}, ensure_ascii=True) + "\n" for sound in sounds)

    @classmethod
    def read(cls, path: Path) -> Corpus:
        """Reads a file written by `write`."""
        parts: dict[str, list[Excerpt]] = {"train": [], "held_out": []}
        for line in read_json_lines(path):
            parts[line.pop("part")].append(Excerpt(**line))
        return cls(tuple(parts["train"]), tuple(parts["held_out"]))


def find_corpus(data: Sequence[str], held_out: str, labelled: bool, library: Library | None) -> tuple[Corpus, list[Noticed]]:
    """Finds the recordings of the given sources.

    Training uses the "train" part of a table and clips without a part. Held out is the "validation" part of the same
    sources or, if `held_out` is given, that source's validation part, or everything but its training part if it has none.

    Args:
        data: each a folder (with one of `TABLES`, otherwise every audio file in it, at any depth), a CSV, or a set's name.
        held_out: one more such source, or "".
        labelled: whether texts are needed.
        library: the library with named sets.

    Returns:
        The corpus, and notices about it.

    Raises:
        DatasetError: there is nothing to train on, needed texts are missing, or a recording is both trained on and held out.
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
        raise DatasetError("pretrain_no_sound", f"There is no sound to train on in {', '.join(data)}.{why}")
    if dropped:
        notices.append(clips_dropped(dropped))
    shared = {sound.text for sound in parts[0]} & {sound.text for sound in parts[1]} - {""}
    if shared:
        sentence = f"{len(shared)} sentences are both learnt from and held out, in other recordings."
        notices.append(Noticed("shared_sentences", sentence, {"sentences": len(shared)}))
    if not parts[1]:
        notices.append(Noticed("nothing_held_out", "Nothing is held out, so only the training loss is reported.", {}))
    return Corpus(tuple(parts[0]), tuple(parts[1])), notices


def batches(seconds: Sequence[float], budget: float, seed: int) -> Iterator[list[int]]:
    """Yields batches of clips of similar length, endlessly: each epoch has every clip once, in new batches and a new order.

    The n-th batch depends only on the arguments and n.

    Args:
        seconds: duration of each clip.
        budget: maximum seconds in a batch, padding included; a longer clip is a batch by itself.
        seed: for the order.

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
    """Decodes segments of audio, leaving out unreadable or silent ones."""
    heard = []
    for sound in sounds:
        try:
            span = (sound.start, sound.start + sound.seconds)
            wave = sound_files.decode(sound.path, LONGEST_SECONDS + 1, None if sound.text else span)
        except (AudioError, OSError):
            continue  # a file that has disappeared, or a long pause in a long recording
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
            f"{source} has no transcripts: it has no {' or '.join(TABLES)}. Name a CSV (path,text), "
            "or make one with attune import.",
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
    if not seconds:  # some containers do not give a duration
        seconds = len(sound_files.decode(clip.path)) / SAMPLE_RATE
    name = Path(clip.path).name
    if seconds < SHORTEST_SECONDS or (labelled and seconds > LONGEST_SECONDS):
        limits = f"{SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} s" if labelled else f"at least {SHORTEST_SECONDS:g} s"
        raise DatasetError("pretrain_clip_length", f"{name} is {seconds:.1f} s long; clips of {limits} can be used.")
    if labelled:
        return [Excerpt(clip.path, 0.0, seconds, _written(clip.text, name))]
    pieces = int(np.ceil(seconds / WINDOW_SECONDS))
    return [Excerpt(clip.path, i * seconds / pieces, seconds / pieces) for i in range(pieces)]


def _written(text: str, name: str) -> str:
    """Returns a text in the networks' letters, with numbers as words.

    Raises:
        DatasetError: the text has no words, or a letter outside their alphabet; dropping it would teach them to omit it.
    """
    spoken = spoken_characters(number_words(check_text(text, LANGUAGE, name), LANGUAGE))
    others = sorted(set(spoken) - set(LETTERS) - {" "})
    if others or not spoken:
        raise DatasetError(
            "pretrain_alphabet",
            f"{name}: the alphabet a to z and ' cannot write {' '.join(others) or 'an empty text'}. Write the text with these.",
        )
    return spoken
