"""Fine-tuning, read from top to bottom."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from core.audio.waves import Sounds, evenly
from core.errors import DatasetError
from core.models.base.protocol import AsrModel, Example, Transcript, in_language
from core.models.random_start import randomise
from core.storage.memory import return_free_memory
from core.text.metrics import score
from core.training import adapters
from core.training.events import Evaluated, Event, Noticed, Prepared, Stepped, Trained
from core.training.guards import STOPS, Guards
from core.training.kept_parameters import KeptParameters
from core.training.learner import Learner
from core.training.recipe import Recipe
from core.training.regularisation import Average, regularised

CTC_FAMILIES = ("ctc", "deepspeech")
LOOK_SHARE = 0.1  # of the training: reading a clip costs about as much as learning from it once
LEAST_LOOKED_AT = 16  # clips, where there are as many: on fewer, a rate of errors says next to nothing


Read = Callable[[AsrModel, Sequence[np.ndarray]], Sequence[Transcript]]


def transcribe(model: AsrModel, waves: Sequence[np.ndarray]) -> Sequence[Transcript]:
    """Transcribes, looking nothing up."""
    return model.transcribe(waves)


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
    read_base: Read = transcribe,
) -> Iterator[Event]:
    """Adapts `model` in place, yielding events as it goes.

    Args:
        model: the base; when the iteration ends it is the adapted model, an adapter merged into its weights.
        train: clips to learn from.
        validation: held-out clips that choose the best checkpoint; may be empty. The first one is watched. Their
            score is not a test score: it took part in a choice. Where there are many, some of them are transcribed at
            each evaluation, always the same ones, and all of them tell the held-out loss; see `looks`.
        recipe: the choices.
        seed: of batches, dropout, augmentation and random weights. Same seed, same machine, same events, timings apart.
        language: ISO 639-1 code, chooses the normalisation of the scores.
        should_stop: asked before every step; True ends training after a last evaluation.
        general: general English speech, of which the recipe's share is replayed.
        watch: general English speech that is not trained on; read at each evaluation, so that forgetting is seen early.
        adapter_folder: where an adapter is also saved by itself.
        read_base: transcribes with the model before it has learnt; it may know the texts from an earlier run.

    Raises:
        DatasetError: there is nothing to train on, or the loss is no longer a number before anything was learnt.
        ModelError: the recipe's adapter does not fit the model.
    """
    started = time.perf_counter()
    if recipe.start == "random":
        randomise(model, seed)
    torch.manual_seed(seed)
    np.random.seed(seed)  # transformers' time masking draws from numpy's global generator
    order = np.random.default_rng(seed)
    learner = Learner(model, train, recipe, seed, general)
    yield from learner.notices
    optimizer = torch.optim.AdamW(learner.groups, weight_decay=recipe.weight_decay, fused=True)
    steps = recipe.epochs * math.ceil(len(learner.batches) / recipe.accumulate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: rate_share(step, steps, recipe.warmup, recipe.schedule)
    )
    held_out = _examples(model, validation)
    looked_at = [validation[i] for i in looks(len(validation), len(learner.examples), recipe)]
    optimizer.zero_grad()  # of whatever was computed with this model before
    guards = Guards(steps, blanks=model.family in CTC_FAMILIES)
    average = Average(learner.learning)
    yield Prepared(
        clips=len(learner.examples),
        minutes=learner.minutes,
        steps=steps,
        trained_parameters=sum(p.numel() for p in learner.learning),
        parameters=sum(p.numel() for p in model.network.parameters()),
        seconds=time.perf_counter() - started,
        replayed=len(learner.examples) - learner.own,
        held_out=tuple(text for _, text in looked_at),
        padding=learner.padding,
        validation=len(validation),
    )

    def evaluate(step: int) -> tuple[Evaluated, list[str]]:
        return_free_memory()
        # What is frozen is wanted by every later look: to look the base's texts up would only put it off.
        known = step == 0 and not learner.reads_above
        read = read_base if known else lambda _, waves: learner.transcribe(waves)
        texts = [t.text for t in read(model, [wave for wave, _ in looked_at])]
        result = score([text for _, text in looked_at], texts, language) if looked_at else None
        evaluated = Evaluated(
            step=step,
            wer=result.wer.rate if result else None,
            cer=result.cer.rate if result else None,
            clips=len(looked_at),
            watched=texts[0] if texts else "",
            reference=looked_at[0][1] if looked_at else "",
            seconds=time.perf_counter() - started,
            loss=learner.held_out_loss(held_out),
            canary_wer=_canary_wer(model, watch, read),
            drift=learner.drift(),
            texts=tuple(texts),
        )
        return_free_memory()
        return evaluated, texts

    started = time.perf_counter()
    evaluation, texts = evaluate(0)
    guards.after_evaluation(evaluation, texts)
    yield evaluation
    evaluating = time.perf_counter() - started
    best, best_step, waited = (math.inf, math.inf), 0, 0
    best_values = KeptParameters()
    due = {round(steps * (i + 1) / recipe.evaluations) for i in range(recipe.evaluations)}
    step, ended = 0, ""
    with regularised(model.network, recipe):
        for chosen in _steps(order, len(learner.batches), recipe):
            if should_stop():
                ended = "asked"
            else:
                step += 1
                learner.join(step, steps)
                mean = sum(learner.backward(index, 1 / len(chosen)) for index in chosen) / len(chosen)
                if not math.isfinite(mean):
                    ended, step = "loss_not_finite", step - 1
                    if not best_values.taken:
                        raise _not_finite(step + 1, recipe)
                    yield Noticed(ended, str(_not_finite(step + 1, recipe)), {"step": step + 1})
                    break
                penalty = learner.anchor.penalty() if recipe.l2_sp or recipe.l2_new else torch.zeros(())
                if penalty.requires_grad:
                    penalty.backward()
                torch.nn.utils.clip_grad_norm_(learner.learning, recipe.clip_norm)
                optimizer.step()
                optimizer.zero_grad()  # now, so that evaluations have the room
                schedule.step()
                if step > steps * (1 - recipe.average):
                    average.add()
                elapsed = time.perf_counter() - started
                remaining = (elapsed - evaluating) / step * (steps - step)
                remaining += evaluating / (1 + sum(d < step for d in due)) * sum(d >= step for d in due)
                yield Stepped(step, mean, float(penalty.detach()), elapsed, remaining)
                notice = guards.after_step(step, mean) if recipe.guards else None
                if notice is not None:
                    yield notice
                    ended = notice.reason if notice.reason in STOPS else ended
            if (step in due or ended) and step > evaluation.step:
                before = time.perf_counter()
                evaluation, texts = evaluate(step)
                yield evaluation
                evaluating += time.perf_counter() - before
                # Few validation clips often tie in WER, and then the loss decides; nothing held out: keep the last.
                rank = (-step, 0.0) if evaluation.wer is None else (evaluation.wer, evaluation.loss or 0.0)
                waited = 0 if rank[0] < best[0] else waited + 1
                if rank < best:
                    best, best_step = rank, step
                    best_values.take(learner.learning)
                for notice in guards.after_evaluation(evaluation, texts) if recipe.guards else ():
                    yield notice
                    ended = notice.reason if notice.reason in STOPS else ended
                if recipe.patience and waited >= recipe.patience and not ended:
                    ended = "patience"
                    yield Noticed("patience", f"No better for {waited} evaluations: training stopped early.", {"times": waited})
            if ended:
                break
    seconds = time.perf_counter() - started - evaluating

    if average.count and not ended:
        before = time.perf_counter()
        _set(learner.learning, average.values())
        averaged, _ = evaluate(step)
        rank = (-math.inf, 0.0) if averaged.wer is None else (averaged.wer, averaged.loss or 0.0)
        told = {
            "steps": average.count,
            "wer": "-" if averaged.wer is None else f"{100 * averaged.wer:.0f}",
            "best": "-" if averaged.wer is None else f"{100 * best[0]:.0f}",
        }
        if rank <= best:
            best, best_step = rank, step
            best_values = KeptParameters()  # the weights in place are the best
            yield Noticed(
                "averaged", "The mean of the last {steps} steps is kept: validation WER {wer} %.".format(**told), told
            )
        else:
            sentence = "The mean of the last {steps} steps has a validation WER of {wer} %: the best step, {best} %, is kept."
            yield Noticed("not_averaged", sentence.format(**told), told)
        evaluating += time.perf_counter() - before
    if best_values.taken:
        best_values.put_back(learner.learning)
    notice = guards.at_end(best[0] if best_step and validation else None)
    if notice is not None and recipe.guards:
        yield notice
    distance, drift = learner.anchor.distance(), learner.drift()
    model.network.eval()
    if recipe.adapter != "none":
        if adapter_folder is not None:
            adapters.save(model, adapter_folder)
        adapters.merge(model)
    yield Trained(step, best_step, ended == "asked", distance, seconds, evaluating, ended, drift)


def looks(validation: int, train: int, recipe: Recipe) -> list[int]:
    """Chooses the validation clips that are transcribed at each evaluation: all of few, an even sample of many.

    The sample is as large as keeps all evaluations together within a tenth of the training's work, but no smaller than 16
    clips. It depends on counts alone, so that the same run makes the same choices on any machine.

    Args:
        validation: how many validation clips there are.
        train: how many clips are trained on, the replayed ones among them.
        recipe: the choices.

    Returns:
        Indices, the first clip's among them.
    """
    afforded = round(LOOK_SHARE * train * recipe.epochs / (recipe.evaluations + 1))
    return evenly(validation, max(LEAST_LOOKED_AT, afforded))


def rate_share(step: int, steps: int, warmup: float, schedule: str = "linear") -> float:
    """Returns the share of the peak rate at a step: linear warm-up, then the schedule.

    Args:
        step: from 0.
        steps: in all; "linear" and "cosine" come to 0 just after the last.
        warmup: share of the steps in which the rate rises; at least the first step.
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
    """Yields the batches of each step, every epoch in another order."""
    for _ in range(recipe.epochs):
        shuffled = [int(i) for i in order.permutation(batches)]
        for start in range(0, batches, recipe.accumulate):
            yield shuffled[start : start + recipe.accumulate]


def _examples(model: AsrModel, sounds: Sounds) -> list[Example]:
    """Returns the clips that the loss can be computed of."""
    examples = []
    for wave, text in sounds:
        try:
            examples.append(model.example(wave, text))
        except DatasetError:
            continue  # its transcript is scored all the same
    return examples


def _canary_wer(model: AsrModel, watch: Sounds, read: Read) -> float | None:
    if not watch:
        return None
    with in_language(model, "en"):
        texts = [t.text for t in read(model, [wave for wave, _ in watch])]
    return score([text for _, text in watch], texts, "en").wer.rate


@torch.no_grad()
def _set(parameters: Sequence[torch.nn.Parameter], values: Sequence[torch.Tensor]) -> None:
    for parameter, value in zip(parameters, values, strict=True):
        parameter.copy_(value)


def _not_finite(step: int, recipe: Recipe) -> DatasetError:
    return DatasetError(
        "loss_not_finite",
        f"The loss is no longer a number at step {step}. Use a rate lower than {recipe.learning_rate:g}.",
        step=step,
    )
