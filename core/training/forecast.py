"""How long a fine-tune will take on this machine, by doing a little of it."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from core.audio.sound_files import decode
from core.audio.waves import Sounds
from core.data.clips.labelled_set import Clip, LabelledSet, clip_seconds
from core.data.samples import CANARY, REPLAY, WATCHED_CLIPS, read_sample
from core.models.base.protocol import AsrModel, Pause, no_pause
from core.models.base.random_numbers import RandomNumbers
from core.training.evaluating import looks
from core.training.learner import Learner, batches_by_length
from core.training.recipe import Recipe
from core.training.stopwatch import Stopwatch

TRIAL_BATCHES = 3  # of short, middling and long clips: what a step costs is not even, nor what a size costs when it is new
TRIAL_ROUNDS = 2  # of which the quicker counts: what else the computer does, such as drawing the page, comes and goes
LOSS_SHARE = 1 / 3  # of a step: a held-out batch is computed forwards alone
TRIAL_CLIPS = 16  # whose transcription is timed: as many as are read together where there are more


@dataclass(frozen=True)
class Forecast:
    """Seconds of the parts of a run.

    Attributes:
        train: the optimiser's steps.
        evaluate: transcribing held-out clips, before, during and after.
    """

    train: float
    evaluate: float

    @property
    def total(self) -> float:
        """Seconds in all."""
        return self.train + self.evaluate


@dataclass(frozen=True, kw_only=True)
class Workload:
    """How much a fine-tune has to do, and the sound of a little of it.

    Attributes:
        sample: training clips, see `spread_clips`.
        hard: float32 [samples] of held-out clips, see `usual_clips`; where there are none, the sample's count.
        easy: the same of the general speech that is transcribed, which the base understands.
        watch: float32 [samples] of clips of general speech that are transcribed at each evaluation.
        train: how many training clips there are.
        test, canary: how many clips base and adapted are compared on.
        validation: how many clips each evaluation may choose from; those it transcribes follow from `evaluating.looks`.
    """

    sample: Sounds
    hard: Sequence[np.ndarray]
    easy: Sequence[np.ndarray]
    watch: Sequence[np.ndarray] = ()
    train: int
    test: int
    canary: int
    validation: int

    @classmethod
    def of(cls, labelled: LabelledSet, general: Sequence[Clip], recipe: Recipe) -> Workload:
        """Decodes as much of a labelled set as a forecast times.

        Args:
            labelled: the set to learn from.
            general: general speech that base and adapted are compared on; without any, none is watched either.
            recipe: the choices.

        Raises:
            AudioError: a clip's sound is missing or damaged.
        """
        train, test, easy = labelled.part("train"), labelled.part("test"), general or read_sample(CANARY).clips
        spread = spread_clips([clip_seconds(clip) for clip in train], recipe.batch_size)
        hard, easy = ([clips[i] for i in usual_clips([clip_seconds(clip) for clip in clips])] for clips in (test, easy))
        watched = read_sample(REPLAY).clips[-WATCHED_CLIPS:] if general else ()
        return cls(
            sample=[(decode(train[i].path), train[i].text) for i in spread],
            hard=[decode(clip.path) for clip in hard],
            easy=[decode(clip.path) for clip in easy],
            watch=[decode(clip.path) for clip in watched],
            train=len(train),
            test=len(test),
            canary=len(general),
            validation=len(labelled.part("validation")),
        )


def forecast(model: AsrModel, work: Workload, recipe: Recipe, pause: Pause = no_pause) -> Forecast:
    """Times a step and a few transcriptions, and scales them up. What an earlier run has kept on disk makes it quicker still.

    Clips that the base cannot make out cost it several attempts each, so hard and easy clips are timed apart: the
    held-out clips tell what the base will need, easy ones what the adapted model will, for as much sound.

    Args:
        model: the base; what is timed is a copy, and the model stays as it is.
        work: what there is to do.
        recipe: the choices.
        pause: called between the things that are timed.
    """

    with RandomNumbers(0, model.device):
        times = _measured(model, work, recipe, pause)
    clips = math.ceil(work.train / (1 - recipe.replay))
    return Forecast(
        train=clips * (times.step * recipe.epochs + times.first_step),
        evaluate=(times.hard + times.taught) * work.test
        + 2 * times.easy * work.canary
        + _evaluations(times, work, recipe, clips),
    )


@dataclass(frozen=True)
class _Times:
    """What was timed: seconds a clip.

    Attributes:
        step: of an optimiser's step.
        first_step: how much more a clip's first step takes.
        kept: how much more what is frozen takes the first time it is computed; 0 where it is not kept.
        hard, easy: of transcribing hard and easy clips with the base.
        hard_length: how long hard clips are, in easy ones.
        above: of transcribing easy clips from what is frozen, and how much more it takes the first time; None where it is
            not transcribed so.
    """

    step: float
    first_step: float
    kept: float
    hard: float
    easy: float
    hard_length: float
    above: tuple[float, float] | None

    @property
    def taught(self) -> float:
        """Of transcribing hard clips with the adapted model: no more than easy ones take it for as much sound."""
        return min(self.hard, self.easy * self.hard_length)


def _measured(model: AsrModel, work: Workload, recipe: Recipe, pause: Pause) -> _Times:
    def step(index: int) -> float:
        pause()
        return _step(learner, optimizer, index)

    def seconds_a_clip(transcriber: AsrModel | Learner, waves: Sequence[np.ndarray]) -> float:
        pause()
        return _seconds_a_clip(transcriber, waves, pause)

    learner = Learner(copy.deepcopy(model), work.sample, recipe, keep=False)
    optimizer = torch.optim.AdamW(learner.groups, fused=True)
    step(0)  # the first one also prepares buffers and kernels
    learner.forget()
    places, taken = range(len(learner.batches)), len(learner.examples)
    first = sum(map(step, places))
    rounds = [[step(i) for i in places] for _ in range(TRIAL_ROUNDS)]
    again = sum(min(times) for times in zip(*rounds, strict=True))
    more = max(0.0, first - again) / taken
    hard = work.hard or [wave for wave, _ in work.sample]
    hard_clip, easy_clip = seconds_a_clip(model, hard), seconds_a_clip(model, work.easy)
    above = None
    if learner.reads_above:
        seen, later = (seconds_a_clip(learner, work.easy) for _ in range(2))
        above = later, max(0.0, seen - later)
    return _Times(
        step=again / taken,
        first_step=more,
        kept=more if learner.keeps_prefix else 0.0,
        hard=hard_clip,
        easy=easy_clip,
        hard_length=_mean_length(hard) / _mean_length(work.easy),
        above=above,
    )


def _evaluations(times: _Times, work: Workload, recipe: Recipe, train: int) -> float:
    """Returns the seconds of the evaluations before and during training: transcripts, and the loss of all held-out clips."""
    count = 1 + recipe.evaluations
    transcribed = len(looks(work.validation, train, recipe))
    watched = sum(map(len, work.watch)) / _mean_length(work.easy)  # easy clips
    loss = work.validation * count * LOSS_SHARE * times.step
    if times.above is None:
        by_base_and_adapted = times.hard + times.taught * recipe.evaluations
        return transcribed * by_base_and_adapted + watched * times.easy * count + loss + work.validation * times.kept
    # What is frozen serves all evaluations, and the loss of the clips that are transcribed.
    each, first = times.above
    return (
        (transcribed * times.hard_length + watched) * (each * count + first)
        + loss
        + (work.validation - transcribed) * times.kept
    )


def _mean_length(waves: Sequence[np.ndarray]) -> float:
    return sum(map(len, waves)) / len(waves)


def _step(learner: Learner, optimizer: torch.optim.Optimizer, index: int) -> float:
    """Takes a step with a batch and returns the seconds it took."""
    recipe = learner.recipe
    begun = time.perf_counter()
    optimizer.zero_grad()
    learner.backward(index)
    if recipe.l2_sp or recipe.l2_new:
        learner.anchor.penalty().backward()
    torch.nn.utils.clip_grad_norm_(learner.learning, recipe.clip_norm)
    optimizer.step()
    return time.perf_counter() - begun


def _seconds_a_clip(reader: AsrModel | Learner, waves: Sequence[np.ndarray], pause: Pause) -> float:
    watch = Stopwatch(pause)
    if isinstance(reader, Learner):
        reader.transcribe(waves)
    else:
        reader.transcribe(waves, watch.pause)
    return watch.seconds() / len(waves)


def spread_clips(seconds: Sequence[float], size: int) -> list[int]:
    """Returns indices of clips for `forecast`'s sample: a few batches of `size`, from short to long."""
    batches = batches_by_length(seconds, size)
    count = min(TRIAL_BATCHES, len(batches))
    return [i for n in range(count) for i in batches[(2 * n + 1) * len(batches) // (2 * count)]]


def usual_clips(seconds: Sequence[float]) -> list[int]:
    """Returns indices of the clips for `forecast` to read: all of few, of many those nearest to the length in the middle."""
    by_length = sorted(range(len(seconds)), key=lambda i: seconds[i])
    first = max(0, len(by_length) - TRIAL_CLIPS) // 2
    return by_length[first : first + TRIAL_CLIPS]
