"""The pretraining loop, one for every objective; read it from top to bottom."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from core.audio.augment.augmenter import Augmenter
from core.audio.sound_files import SAMPLE_RATE
from core.errors import DatasetError
from core.models.base.random_numbers import RandomNumbers
from core.pretraining.checkpoint import Checkpoints, Reached
from core.pretraining.corpus import Corpus, Heard, batches, decoded
from core.pretraining.objectives import HeldOutScores, Objective, round_to_half
from core.pretraining.request import Pretraining
from core.runs.job_folder import stopped
from core.storage.memory import return_free_memory
from core.training.events import Evaluated, Event, Prepared, Stepped

BETAS, EPSILON = (0.9, 0.98), 1e-6  # of AdamW, as in fairseq's recipes for wav2vec 2.0


def pretrain(
    objective: Objective,
    corpus: Corpus,
    request: Pretraining,
    augmenter: Augmenter,
    checkpoints: Checkpoints,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[Event, None, Reached]:
    """Trains an objective's network in place, from its latest checkpoint if there is one.

    A step's random numbers depend only on the seed and the step, so a resumed training does what it would have done
    without the interruption. With `minutes` in place of `steps`, progress, and thus the learning rate, follows the share
    of the time that has elapsed, including evaluations and checkpoints: no step needs timing beforehand, and training
    takes no longer on a busy computer.

    Args:
        objective: the network and its training objective.
        corpus: the recordings to train on and those held out.
        request: the request.
        augmenter: changes each clip when it is read.
        checkpoints: saves and restores checkpoints.
        should_stop: called before every step.

    Yields:
        Prepared, then Stepped and, if anything is held out, Evaluated: at the start, during training and at the end.

    Returns:
        The final state: the end of the training.

    Raises:
        RunError: a stop was requested; a checkpoint is kept. Or the checkpoint to resume from is damaged.
        DatasetError: the loss is no longer finite; the last checkpoint is kept.
        OSError: the disk is full; the last checkpoint is kept.
    """
    learning = [p for p in objective.network.parameters() if p.requires_grad]
    clock = _Clock(request)
    optimiser = _optimiser(learning, request)
    reached = checkpoints.restore(objective.network, optimiser)
    clock.set_back(reached.seconds)
    yield Prepared(
        clips=len(corpus.train),
        minutes=60 * corpus.hours,
        steps=request.steps,
        trained_parameters=sum(p.numel() for p in learning),
        parameters=sum(p.numel() for p in objective.network.parameters()),
        seconds=clock.seconds(),
        held_out=tuple(sound.text for sound in corpus.held_out),
        validation=len(corpus.held_out),
    )
    if not reached.step:
        yield from _evaluations(objective, corpus, request, reached.step, clock)
    evaluated = int(clock.progress(reached.step) * request.evaluations)
    saved = time.perf_counter()
    order = batches([sound.seconds for sound in corpus.train], request.batch_seconds, request.seed)
    for chosen in itertools.islice(order, reached.step, None):
        done = clock.progress(reached.step)
        if done >= 1:
            break
        if should_stop():
            checkpoints.save(objective.network, optimiser, reached)
            raise stopped()
        step = reached.step + 1
        objective.at(done)
        for group in optimiser.param_groups:
            group["lr"] = request.peak_rate * rate_share(done + (0.5 / request.steps if request.steps else 0), request.warmup)
        with _drawing(request.seed, step, objective) as rng:
            heard = [(augmenter.wave(wave, rng), text) for wave, text in decoded([corpus.train[i] for i in chosen])]
            loss = _take_step(objective, optimiser, learning, heard, rng, request, step)
        seconds, share = clock.seconds(), clock.progress(step)
        reached = Reached(step, seconds, reached.heard + sum(len(wave) for wave, _ in heard) / SAMPLE_RATE)
        if loss is not None:
            yield Stepped(step, loss, 0.0, seconds, seconds / share - seconds)
        if share < 1 and int(share * request.evaluations) > evaluated:
            evaluated = int(share * request.evaluations)
            yield from _evaluations(objective, corpus, request, reached.step, clock)
        if time.perf_counter() - saved >= 60 * request.save_minutes:
            checkpoints.save(objective.network, optimiser, reached)
            saved = time.perf_counter()
    checkpoints.save(objective.network, optimiser, reached)
    if request.half:
        round_to_half(objective.network)
    yield from _evaluations(objective, corpus, request, reached.step, clock)
    return reached


class _Clock:
    """A training's elapsed time, including the time before it was resumed, and its progress."""

    def __init__(self, request: Pretraining) -> None:
        self._request = request
        self._began = time.perf_counter()

    def set_back(self, seconds: float) -> None:
        """Adds seconds spent before the training was resumed."""
        self._began -= seconds

    def seconds(self) -> float:
        """Returns the seconds elapsed so far."""
        return time.perf_counter() - self._began

    def progress(self, step: int) -> float:
        """Returns the completed share of the training, 0 to 1, after a number of steps."""
        request = self._request
        return min(1.0, step / request.steps if request.steps else self.seconds() / 60 / request.minutes)


def _optimiser(learning: Sequence[torch.nn.Parameter], request: Pretraining) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        [
            {"params": [p for p in learning if p.dim() > 1], "weight_decay": request.weight_decay},
            {"params": [p for p in learning if p.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=request.peak_rate,
        betas=BETAS,
        eps=EPSILON,
        fused=True,
    )


def _take_step(
    objective: Objective,
    optimiser: torch.optim.Optimizer,
    learning: Sequence[torch.nn.Parameter],
    heard: Heard,
    rng: np.random.Generator,
    request: Pretraining,
    step: int,
) -> float | None:
    """Takes a step on a batch and returns its loss, or None if the batch has no usable clip."""
    loss = objective.loss(heard, rng) if heard else None
    if loss is None:
        return None
    if not math.isfinite(float(loss.detach())):
        raise DatasetError(
            "loss_not_finite",
            f"The loss became infinite or undefined at step {step}. Use a learning rate below {request.peak_rate:g}.",
            step=step,
        )
    loss.backward()
    torch.nn.utils.clip_grad_norm_(learning, request.clip_norm)
    optimiser.step()
    optimiser.zero_grad()
    return float(loss.detach())


def rate_share(progress: float, warmup: float) -> float:
    """Returns the share of the peak rate at a point of the training, 0 to 1: linear warm-up, then linear decay to 0."""
    rising = progress / warmup if progress < warmup else 1.0
    return min(rising, (1 - progress) / (1 - warmup))


@contextmanager
def _drawing(seed: int, step: int, objective: Objective) -> Iterator[np.random.Generator]:
    """Seeds every random generator in the context: torch's, numpy's global one for transformers' masks, and the one yielded."""
    rng = np.random.default_rng([seed, step])
    for_torch, for_numpy = (int(rng.integers(2**31)) for _ in range(2))
    with RandomNumbers(for_torch, next(objective.network.parameters()).device, for_numpy):
        yield rng


def _evaluations(objective: Objective, corpus: Corpus, request: Pretraining, step: int, clock: _Clock) -> Iterator[Evaluated]:
    """Yields one evaluation if anything is held out."""
    if not corpus.held_out:
        return
    lengths = [sound.seconds for sound in corpus.held_out]
    taken, chosen = 0, []
    for batch in batches(lengths, request.batch_seconds, 0):  # one epoch: every clip once
        chosen.append([corpus.held_out[i] for i in batch])
        taken += len(batch)
        if taken == len(lengths):
            break
    heard = [found for batch in chosen if (found := decoded(batch))]
    with _drawing(request.seed, 0, objective):
        measured = objective.measure(heard) if heard else HeldOutScores(None)  # if empty, the files have disappeared
    return_free_memory()
    yield Evaluated(
        step=step,
        wer=measured.wer,
        cer=measured.cer,
        clips=sum(map(len, heard)),
        watched=measured.texts[0] if measured.texts else "",
        reference=measured.references[0] if measured.references else "",
        seconds=clock.seconds(),
        loss=measured.loss,
        measures=measured.measures,
    )
