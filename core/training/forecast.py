"""Forecasts how long a fine-tune will take on this machine, by timing a small part of it."""

from __future__ import annotations

import copy
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
from core.training.evaluating import evaluation_count, looks
from core.training.learner import Learner, batches_by_length
from core.training.recipe import Recipe
from core.training.stopwatch import Stopwatch
from core.training.watching import at_most

TRIAL_BATCHES = 3  # of short, medium and long clips: the cost of a step varies, as does the extra cost of a new size
TRIAL_ROUNDS = 2  # the faster one counts: other load on the computer, such as drawing the page, comes and goes
LOSS_SHARE = 1 / 3  # of a step: a held-out batch needs only the forward pass
TRIAL_CLIPS = 16  # clips whose transcription is timed at most: as many as are transcribed together
# A forecast comes within about 5 s: what would take longer than this is timed on less.
STEPS_SECONDS = 2.0  # of the steps after the first one
TRANSCRIBING_SECONDS = 1.0  # of each kind of clips
FEW_CLIPS = 3


@dataclass(frozen=True)
class Forecast:
    """Forecast seconds of the parts of a run.

    Attributes:
        train: the optimiser steps.
        evaluate: transcribing held-out clips before, during and after training.
        after: of `evaluate`, the part after training.
    """

    train: float
    evaluate: float
    after: float = 0.0

    @property
    def total(self) -> float:
        """Total seconds."""
        return self.train + self.evaluate


@dataclass(frozen=True, kw_only=True)
class Workload:
    """The amount of work in a fine-tune, with the audio of a small sample of it.

    Attributes:
        sample: training clips, see `spread_clips`.
        hard: float32 [samples] of held-out clips, see `usual_clips`; if there are none, the sample is used instead.
        easy: the same for general speech, which the base transcribes well.
        watch: float32 [samples] of the general speech clips transcribed at each evaluation.
        train: number of training clips.
        test, canary: number of clips on which base and adapted are compared.
        validation: number of clips each evaluation may choose from; `evaluating.looks` gives those it transcribes.
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
        """Decodes the clips of a labelled set that a forecast needs for timing.

        Args:
            labelled: the set to train on.
            general: general speech on which base and adapted are compared; if empty, none is watched either.
            recipe: the recipe.

        Raises:
            AudioError: a clip's audio is missing or damaged.
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
    """Times a step and a few transcriptions, and scales them up. Caches of earlier runs may make the real run even faster.

    The base needs several attempts for each clip it cannot recognise, so hard and easy clips are timed separately: the
    held-out clips show how long the base will take, easy ones how long the adapted model will, for as much audio.

    Args:
        model: the base; a copy is timed, so the model does not change.
        work: the amount of work.
        recipe: the recipe.
        pause: called between timings.
    """

    with RandomNumbers(0, model.device):
        times = _measured(model, work, recipe, pause)
    clips = work.train + recipe.replayed(work.train)
    before, after = (each * work.test + times.easy * work.canary for each in (times.hard, times.taught))
    train, evaluations = clips * (times.step * recipe.epochs + times.first_step), _evaluations(times, work, recipe, clips)
    watched = at_most(train + evaluations, times.hard) if work.test else 0.0
    return Forecast(train=train, evaluate=before + evaluations + watched + after, after=after)


@dataclass(frozen=True)
class _Times:
    """Measured times, in seconds per clip.

    Attributes:
        step: an optimiser step.
        first_step: extra time for a clip's first step.
        kept: extra time to compute the frozen prefix for the first time; 0 if it is not kept.
        hard, easy: transcribing hard and easy clips with the base.
        hard_length: mean length of hard clips, as a multiple of that of easy clips.
        above: transcribing easy clips from the kept frozen prefix, and the extra time for the first time; None if the
            model does not transcribe that way.
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
        """Transcribing hard clips with the adapted model: at most what as much audio of easy clips takes."""
        return min(self.hard, self.easy * self.hard_length)


def _measured(model: AsrModel, work: Workload, recipe: Recipe, pause: Pause) -> _Times:
    def step(index: int) -> float:
        pause()
        return _step(learner, optimizer, index)

    def seconds_a_clip(transcriber: AsrModel | Learner, waves: Sequence[np.ndarray]) -> float:
        pause()
        few = _seconds_a_clip(transcriber, waves[:FEW_CLIPS], pause)
        if len(waves) <= FEW_CLIPS or few * len(waves) > TRANSCRIBING_SECONDS:
            return few
        return _seconds_a_clip(transcriber, waves, pause)

    learner = Learner(copy.deepcopy(model), work.sample, recipe, keep=False)
    optimizer = torch.optim.AdamW(learner.groups, fused=True)
    middle = len(learner.batches) // 2
    prepared = step(middle)  # the first one also prepares buffers and kernels
    if prepared * len(learner.batches) * (1 + TRIAL_ROUNDS) > STEPS_SECONDS:
        taken = len(learner.batches[middle])
        again = step(middle)
        first = prepared if learner.keeps_prefix else again
    else:
        learner.forget()
        places, taken = range(len(learner.batches)), len(learner.examples)
        first = sum(map(step, places))
        rounds = [[step(i) for i in places] for _ in range(TRIAL_ROUNDS)]
        again = sum(min(times) for times in zip(*rounds, strict=True))
    more = max(0.0, first - again) / taken
    hard = work.hard or [wave for wave, _ in work.sample]
    model.transcribe([min(work.easy, key=len)])  # prepares the weights
    hard_clip, easy_clip = seconds_a_clip(model, hard), seconds_a_clip(model, work.easy)
    above = None
    if learner.transcribes_above:
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
    """Returns the seconds of the evaluations before and during training: transcription, and the loss of all held-out clips."""
    later = evaluation_count(recipe, work.validation)
    count = 1 + later
    transcribed = len(looks(work.validation, train, recipe))
    watched = sum(map(len, work.watch)) / _mean_length(work.easy)  # easy clips
    loss = work.validation * count * LOSS_SHARE * times.step
    if times.above is None:
        by_base_and_adapted = times.hard + times.taught * later
        return transcribed * by_base_and_adapted + watched * times.easy * count + loss + work.validation * times.kept
    # The kept frozen prefix serves all evaluations, and the loss of the transcribed clips.
    each, first = times.above
    return (
        (transcribed * times.hard_length + watched) * (each * count + first)
        + loss
        + (work.validation - transcribed) * times.kept
    )


def _mean_length(waves: Sequence[np.ndarray]) -> float:
    return sum(map(len, waves)) / len(waves)


def _step(learner: Learner, optimizer: torch.optim.Optimizer, index: int) -> float:
    """Takes one step on a batch and returns the seconds it took."""
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
    """Returns the indices of the clips that `forecast` samples: a few batches of `size`, from short to long."""
    batches = batches_by_length(seconds, size)
    count = min(TRIAL_BATCHES, len(batches))
    return [i for n in range(count) for i in batches[(2 * n + 1) * len(batches) // (2 * count)]]


def usual_clips(seconds: Sequence[float]) -> list[int]:
    """Returns the indices of the clips that `forecast` transcribes: all if there are few, else those of about median length."""
    by_length = sorted(range(len(seconds)), key=lambda i: seconds[i])
    first = max(0, len(by_length) - TRIAL_CLIPS) // 2
    return by_length[first : first + TRIAL_CLIPS]
