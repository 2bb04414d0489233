"""The fine-tuning loop; read it from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from core.audio.waves import Sounds
from core.errors import DatasetError
from core.models.base.protocol import AsrModel
from core.models.base.random_numbers import RandomNumbers
from core.models.random_start import randomise
from core.training import adapters
from core.training.best_step import BestStep
from core.training.evaluating import Evaluator, Transcribe, evaluation_count, transcribe
from core.training.events import Event, Noticed, Prepared, Stepped, Trained
from core.training.guards import STOPS, Guards
from core.training.learner import Learner
from core.training.recipe import Recipe
from core.training.regularisation import Average, regularised
from core.training.watching import WatchedClip, Watcher

CTC_FAMILIES = ("ctc", "deepspeech")


def finetune(
    model: AsrModel,
    train: Sounds,
    validation: Sounds,
    recipe: Recipe,
    *,
    seed: int = 0,
    language: str = "en",
    should_stop: Callable[[], bool] = lambda: False,
    general: Sounds = (),
    watch: Sounds = (),
    adapter_folder: Path | None = None,
    transcribe_base: Transcribe = transcribe,
    watched_clip: WatchedClip | None = None,
) -> Iterator[Event]:
    """Adapts `model` in place, yielding events as it goes.

    Args:
        model: the base; when the iteration ends it is the adapted model, with any adapter merged into its weights. If no
            step did better than the base, see `best_step.BestStep`, it is the base again; otherwise it lies between base and
            trained weights where `Recipe.blend` says.
        train: clips to train on.
        validation: held-out clips that choose the best checkpoint; may be empty. The first one is watched. Their
            score is not a test score, since it took part in a choice. If there are many, each evaluation transcribes
            the same sample of them; the held-out loss is always over all of them. See `evaluating.looks`.
        recipe: the recipe.
        seed: for batches, dropout, augmentation and random weights. Same seed, same machine, same events, except for
            timings and how many are Watched. The consumer's own random numbers from torch and numpy are not affected.
        language: ISO 639-1 code; selects the text normalisation for scoring.
        should_stop: called before every step; True ends training after a last evaluation.
        general: general English speech; the recipe's share of it is replayed.
        watch: general English speech that is not trained on; transcribed at each evaluation, to detect forgetting early.
        adapter_folder: where an adapter is also saved by itself.
        transcribe_base: transcribes with the model before training; may use texts cached by an earlier run.
        watched_clip: transcribed now and then, only to show what it becomes; the weights do not depend on it.

    Raises:
        DatasetError: there is nothing to train on, or the loss becomes non-finite before the first checkpoint.
        ModelError: the recipe's adapter does not fit the model.
    """
    began = time.perf_counter()
    drawing = RandomNumbers(seed, model.device)
    with drawing:
        if recipe.start == "random":
            randomise(model, seed)
        learner = Learner(model, train, recipe, seed, general)
        evaluator = Evaluator(learner, validation, watch, language, transcribe_base)
    yield from learner.notices
    trained = yield from drawing.within(_train(learner, evaluator, watched_clip, seed, should_stop, began))
    model.network.eval()
    if recipe.adapter != "none":
        if adapter_folder is not None:
            adapters.save(model, adapter_folder)
        adapters.merge(model, unchanged=trained.best_step == 0)
    yield trained


def _train(
    learner: Learner,
    evaluator: Evaluator,
    watched_clip: WatchedClip | None,
    seed: int,
    should_stop: Callable[[], bool],
    began: float,
) -> Generator[Event, None, Trained]:
    """Runs the training steps; on return, the trained parameters hold the chosen values."""
    recipe, family = learner.recipe, learner.model.family
    steps = recipe.epochs * math.ceil(len(learner.batches) / recipe.accumulate)
    optimizer, schedule = _optimizer(learner, steps)
    guards = Guards(steps, blanks=family in CTC_FAMILIES)
    best, average = BestStep(learner), Average(learner.learning)
    watcher = Watcher(learner, watched_clip, steps)
    yield _prepared(learner, evaluator, steps, time.perf_counter() - began)

    started = time.perf_counter()
    evaluation = evaluator.evaluate(0, started)
    before = evaluator.training_loss()
    guards.after_evaluation(evaluation, evaluation.texts)
    best.take(evaluation)
    yield evaluation
    yield from watcher.begin()
    times = evaluation_count(recipe, evaluator.validation)
    due = {round(steps * (i + 1) / times) for i in range(times)}
    step, ended = 0, ""
    with regularised(learner.model.network, recipe):
        for batches in _steps(np.random.default_rng(seed), len(learner.batches), recipe):
            if should_stop():
                ended = "asked"
            else:
                learner.join(step + 1, steps)
                loss, penalty = _take_step(learner, optimizer, batches)
                if not math.isfinite(loss):
                    error = _not_finite(step + 1, recipe)
                    if evaluation.step == 0 or not (best.step or learner.has_base):
                        raise error
                    ended = error.reason
                    yield Noticed(error.reason, str(error), error.details)
                    break
                step += 1
                schedule.step()
                if step > steps * (1 - recipe.average):
                    average.add()
                elapsed = time.perf_counter() - started
                yield Stepped(step, loss, penalty, elapsed, _remaining(elapsed, evaluator.seconds, step, steps, due))
                notice = guards.after_step(step, loss) if recipe.guards else None
                if notice is not None:
                    yield notice
                    ended = notice.reason if notice.reason in STOPS else ended
            if (step in due or ended) and step > evaluation.step:
                evaluation = evaluator.evaluate(step, started)
                yield evaluation
                best.take(evaluation)
                for notice in guards.after_evaluation(evaluation, evaluation.texts) if recipe.guards else ():
                    yield notice
                    ended = notice.reason if notice.reason in STOPS else ended
                if recipe.patience and best.waited >= recipe.patience and not ended:
                    ended = "patience"
                    yield _patience_ended(best.waited)
            if ended:
                break
            yield from watcher.after_step(step, time.perf_counter() - started)
    seconds = time.perf_counter() - started - evaluator.seconds - watcher.seconds

    averaged = 0 if ended else average.count
    if averaged:
        average.put_in_place()
        evaluation = evaluator.evaluate(step, started)
    if step and ended not in STOPS:  # a guard that stopped has its evidence: the best step is kept
        notice = best.choose(evaluation, averaged)
        if notice is not None:
            yield notice
    if step and not (best.step or learner.has_base):  # the last step ruined a model that has no base to go back to
        raise _not_finite(step, recipe)
    notice = best.settle(before, evaluator.training_loss) if step else None
    if notice is None and recipe.guards:
        notice = guards.at_end(best.wer if best.step and evaluator.references else None)
    if notice is not None:
        yield notice
    blend = best.blend(recipe.blend)
    distance, drift = learner.anchor.distance(), learner.drift()
    yield from watcher.end(step, time.perf_counter() - started)
    return Trained(
        step, best.step, ended == "asked", distance, seconds, evaluator.seconds + watcher.seconds, ended, drift, blend
    )


def _optimizer(learner: Learner, steps: int) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Returns AdamW and its schedule."""
    recipe = learner.recipe
    optimizer = torch.optim.AdamW(learner.groups, weight_decay=recipe.weight_decay, fused=True)
    optimizer.zero_grad()  # clears gradients of earlier computations with this model
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rate_share(step, steps, recipe.warmup, recipe.schedule)
    )
    return optimizer, schedule


def _prepared(learner: Learner, evaluator: Evaluator, steps: int, seconds: float) -> Prepared:
    return Prepared(
        clips=len(learner.examples),
        minutes=learner.minutes,
        steps=steps,
        trained_parameters=sum(p.numel() for p in learner.learning),
        parameters=learner.parameters,
        seconds=seconds,
        replayed=len(learner.examples) - learner.own,
        held_out=evaluator.references,
        padding=learner.padding,
        validation=evaluator.validation,
    )


def _take_step(learner: Learner, optimizer: torch.optim.Optimizer, batches: Sequence[int]) -> tuple[float, float]:
    """Takes a step on some batches and returns their mean loss and the penalty; takes none if the loss is not finite."""
    recipe = learner.recipe
    loss = sum(learner.backward(index, 1 / len(batches)) for index in batches) / len(batches)
    if not math.isfinite(loss):
        return loss, 0.0
    penalty = learner.anchor.penalty() if recipe.l2_sp or recipe.l2_new else torch.zeros(())
    if penalty.requires_grad:
        penalty.backward()
    torch.nn.utils.clip_grad_norm_(learner.learning, recipe.clip_norm)
    optimizer.step()
    optimizer.zero_grad()  # now, to free memory for evaluations
    return loss, float(penalty.detach())


def _remaining(elapsed: float, evaluating: float, step: int, steps: int, due: Collection[int]) -> float:
    """Forecasts the remaining seconds from the time of the steps and evaluations so far."""
    evaluated = 1 + sum(d < step for d in due)
    return (elapsed - evaluating) / step * (steps - step) + evaluating / evaluated * sum(d >= step for d in due)


def _patience_ended(times: int) -> Noticed:
    return Noticed("patience", f"No improvement in {times} evaluations: training stopped early.", {"times": times})


def rate_share(step: int, steps: int, warmup: float, schedule: str = "linear") -> float:
    """Returns the share of the peak rate at a step: linear warm-up, then the schedule.

    Args:
        step: number of the step, from 0.
        steps: total number of steps; "linear" and "cosine" reach 0 just after the last.
        warmup: share of the steps during which the rate rises; at least the first step.
        schedule: "linear", "cosine" (half a period, Loshchilov & Hutter 2017, arXiv 1608.03983) or "constant".
    """
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    if schedule == "constant":
        return 1.0
    left = max(0.0, (steps - step) / max(1, steps - rising))
    return left if schedule == "linear" else (1 - math.cos(math.pi * left)) / 2


def _steps(order: np.random.Generator, batches: int, recipe: Recipe) -> Iterator[list[int]]:
    """Yields the batches of each step, in a new order every epoch."""
    for _ in range(recipe.epochs):
        shuffled = [int(i) for i in order.permutation(batches)]
        for start in range(0, batches, recipe.accumulate):
            yield shuffled[start : start + recipe.accumulate]


def _not_finite(step: int, recipe: Recipe) -> DatasetError:
    return DatasetError(
        "loss_not_finite",
        f"The loss became infinite or undefined at step {step}. Use a learning rate below {recipe.learning_rate:g}.",
        step=step,
    )
