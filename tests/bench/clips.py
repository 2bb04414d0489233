"""What the benchmark trains on and reads: real sets where DATA names them, else the sample sets that come with Attune.

No speaker, or in the sample set no sentence, is both trained on and scored. The clips of a smaller training set are among
those of a larger one. Where there are fewer clips than asked for, they come again from the beginning: that measures time and
memory, and every row says how many different ones there were.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from core.audio.sound_files import SAMPLE_RATE, decode, probe
from core.audio.waves import Labelled, Sounds, Waves, evenly
from core.data.clips.labelled_set import Clip
from core.data.samples import CANARY, SAMPLES, read_sample
from core.text.scoring import is_shouted
from tests.bench.sweep import read

TARGET, GENERAL = "l2_english", "librispeech_mini"
REAL = (GENERAL, TARGET, "telephony_english")
SPLIT_SEED = 0
LONGEST_SECONDS = 30.0  # Whisper's window; silence is thinned in no longer clip


@dataclass(frozen=True)
class Limits:
    """Most clips of each part: to choose a checkpoint by, to score, of general speech, and of each set that is thinned."""

    validation: int
    test: int
    canary: int
    thinned: int


FULL = Limits(validation=20, test=160, canary=60, thinned=300)
QUICK = Limits(validation=1, test=2, canary=1, thinned=1)


@dataclass(frozen=True)
class Spoken:
    """Clips and their sound: float32 [samples] at 16 kHz."""

    clips: list[Clip]
    waves: Sequence[np.ndarray]

    @property
    def sounds(self) -> Sounds:
        """As training takes them."""
        return Labelled(self.waves, [clip.text for clip in self.clips])

    @property
    def seconds(self) -> float:
        """Of sound, in all."""
        return sum(map(len, self.waves)) / SAMPLE_RATE


def parts(data: Path | None, limits: Limits, train: int) -> tuple[dict[str, Spoken], int]:
    """Returns train, validation, test and canary, and how many of the training clips are different ones."""
    listed = _sample_parts() if data is None else _real_parts(data, limits)
    pool = listed["train"]
    listed["train"] = [pool[i % len(pool)] for i in range(train)]
    for part in ("validation", "test", "canary"):
        listed[part] = spread(listed[part], getattr(limits, part))
    return {part: _spoken(clips) for part, clips in listed.items()}, min(train, len(pool))


def sets(data: Path | None, names: Sequence[str], most: int) -> dict[str, Spoken]:
    """Returns whole sets that nobody trains on here, at most so many clips of each, none longer than Whisper's window."""
    found = {}
    for name in names:
        clips = read(data / name) if data is not None else list(read_sample(name).clips)
        clips = [clip for clip in clips if clip.text.strip() and probe(clip.path).seconds <= LONGEST_SECONDS]
        found[name] = _spoken(spread(clips, most))
    return found


def set_names(data: Path | None) -> tuple[str, ...]:
    """Returns the English sets there are."""
    return tuple(n for n in REAL if (data / n).is_dir()) if data is not None else (CANARY, *SAMPLES[:2])


def spread(clips: list[Clip], most: int) -> list[Clip]:
    """Returns at most so many clips, evenly spread over the list."""
    return [clips[i] for i in evenly(len(clips), most)]


def _real_parts(data: Path, limits: Limits) -> dict[str, list[Clip]]:
    """Gives whole speakers to test and validation; the others take turns, so that few clips are of many speakers."""
    speakers: dict[str, list[Clip]] = {}
    for clip in read(data / TARGET):
        speakers.setdefault(clip.speaker, []).append(clip)
    rng = np.random.default_rng(SPLIT_SEED)
    order = [speakers[name] for name in rng.permutation(sorted(speakers))]
    listed: dict[str, list[Clip]] = {part: [] for part in ("test", "validation")}
    for part, clips in listed.items():
        while len(clips) < getattr(limits, part):
            clips += order.pop()
    shuffled = [[clips[i] for i in rng.permutation(len(clips))] for clips in order]
    turns = [clip for clip in chain.from_iterable(zip_longest(*shuffled)) if clip is not None]
    return {**listed, "train": turns, "canary": read(data / GENERAL)}


def _sample_parts() -> dict[str, list[Clip]]:
    accent = read_sample(SAMPLES[0])
    listed = {part: accent.part(part) for part in ("train", "validation", "test")}
    return {**listed, "canary": list(read_sample(CANARY).clips)}


def _spoken(clips: list[Clip]) -> Spoken:
    if is_shouted([clip.text for clip in clips]):  # Attune's training lowers such texts by itself; here every arm's are
        clips = [dataclasses.replace(clip, text=clip.text.lower()) for clip in clips]
    return Spoken(clips, Waves(decode(clip.path) for clip in clips))
