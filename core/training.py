"""Fine-tuning, read from top to bottom."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
import torch

from core import freezing
from core.audio import SAMPLE_RATE
from core.errors import DatasetError
from core.events import Evaluated, Event, Noticed, Prepared, Stepped, Trained
from core.features import PrefixCache
from core.metrics import score
from core.models.base import AsrModel, Example
from core.models.vocabulary import Fitted
from core.recipe import Recipe
from core.text import is_shouted

SHOWN_CHARACTERS = 20  # of those a notice names

Sounds = Sequence[tuple[np.ndarray, str]]  # float32 [samples] at 16 kHz, and what is said in it


def finetune(
    model: AsrModel,
    train: Sounds,
    validation: Sounds,
    recipe: Recipe,
    *,
    seed: int = 0,
    language: str = "en",
    should_stop: Callable[[], bool] = lambda: False,
) -> Iterator[Event]:
    """Adapts `model` in place, yielding events as it goes.

    Args:
        model: the base; when the iteration ends it is the adapted model.
        train: clips to learn from.
        validation: held-out clips that choose the best checkpoint; may be empty. The first one is watched. Their
            score is not a test score: it took part in a choice.
        recipe: the choices.
        seed: of batches and dropout. Same seed, same machine, same events, timings apart.
        language: ISO 639-1 code, chooses the normalisation of the scores.
        should_stop: asked before every step; True ends training after a last evaluation.

    Raises:
        DatasetError: there is nothing to train on, or the loss is no longer a number.
    """
    started = time.perf_counter()
    torch.manual_seed(seed)
    np.random.seed(seed)  # transformers' time masking draws from numpy's global generator
    order = np.random.default_rng(seed)
    texts = _written_as_the_model_writes([text for _, text in train])
    yield from _vocabulary_notices(model.fit_to(texts, [len(wave) / SAMPLE_RATE for wave, _ in train], recipe.vocabulary))
    examples = []
    for (wave, _), text in zip(train, texts, strict=True):
        try:
            examples.append(model.example(wave, text))
        except DatasetError as error:
            yield Noticed(error.reason, str(error), error.details)
    if not examples:
        raise DatasetError("no_training_clips", "There is no clip that can be trained on.")
    batches = batches_by_length(examples, recipe.batch_size)

    plans = freezing.plan(model, recipe)
    groups = freezing.apply(plans, model.network)
    learning = [parameter for group in groups for parameter in group["params"]]
    anchor = freezing.Anchor(learning, recipe.l2_sp)
    optimizer = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)
    steps = recipe.epochs * len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate_share(step, steps, recipe.warmup))
    cache = PrefixCache() if freezing.prefix_is_frozen(plans) else None
    yield Prepared(
        clips=len(examples),
        minutes=sum(example.seconds for example in examples) / 60,
        steps=steps,
        trained_parameters=sum(p.numel() for p in learning),
        parameters=sum(p.numel() for p in model.network.parameters()),
        seconds=time.perf_counter() - started,
    )

    started = time.perf_counter()
    evaluating = 0.0
    evaluation = _evaluate(model, validation, language, 0, started)
    yield evaluation
    evaluating += time.perf_counter() - started
    best, best_step, best_state = float("inf"), 0, []
    due = {round(steps * (i + 1) / recipe.evaluations) for i in range(recipe.evaluations)}
    step, stopped = 0, False
    for index in (int(i) for _ in range(recipe.epochs) for i in order.permutation(len(batches))):
        stopped = should_stop()
        if not stopped:
            step += 1
            batch = [examples[i] for i in batches[index]]
            prefix = None if cache is None else cache.get(index, partial(_frozen_prefix, model, batch))
            model.network.train()
            loss = model.loss(batch, prefix)
            if not torch.isfinite(loss):
                raise DatasetError(
                    "loss_not_finite",
                    f"The loss is no longer a number at step {step}. Use a rate lower than {recipe.learning_rate:g}.",
                    step=step,
                )
            penalty = anchor.penalty() if recipe.l2_sp else torch.zeros_like(loss)
            optimizer.zero_grad()
            (loss + penalty).backward()
            torch.nn.utils.clip_grad_norm_(learning, recipe.clip_norm)
            optimizer.step()
            schedule.step()
            elapsed = time.perf_counter() - started
            remaining = (elapsed - evaluating) / step * (steps - step)
            remaining += evaluating / (1 + sum(d < step for d in due)) * sum(d >= step for d in due)
            yield Stepped(step, float(loss.detach()), float(penalty.detach()), elapsed, remaining)
        if (step in due or stopped) and step > evaluation.step:
            before = time.perf_counter()
            evaluation = _evaluate(model, validation, language, step, started)
            yield evaluation
            evaluating += time.perf_counter() - before
            rank = -step if evaluation.wer is None else evaluation.wer  # nothing held out: keep the last
            if rank < best:
                best, best_step, best_state = rank, step, [p.detach().clone() for p in learning]
        if stopped:
            break
    seconds = time.perf_counter() - started - evaluating
    with torch.no_grad():
        for parameter, value in zip(learning, best_state or (), strict=bool(best_state)):
            parameter.copy_(value)
    model.network.eval()
    yield Trained(step, best_step, stopped, anchor.distance(), seconds, evaluating)


def batches_by_length(examples: Sequence[Example], size: int) -> list[list[int]]:
    """Groups clips of similar duration, so that little of a batch is padding.

    Returns:
        Indices into `examples`, shortest clips first. The groups stay the same in every epoch, so that what a frozen
        prefix computes for them can be kept; their order changes.
    """
    by_length = sorted(range(len(examples)), key=lambda i: examples[i].seconds)
    return [by_length[start : start + size] for start in range(0, len(by_length), size)]


def _written_as_the_model_writes(texts: list[str]) -> list[str]:
    return [text.lower() for text in texts] if is_shouted(texts) else texts


def _vocabulary_notices(fitted: Fitted) -> Iterator[Noticed]:
    if fitted.kind == "new":
        yield Noticed(
            "vocabulary_new",
            f"The output layer is new: it writes the {fitted.size} characters of the training transcripts.",
            {"size": fitted.size},
        )
    if fitted.kind == "extended":
        shown = " ".join(fitted.added[:SHOWN_CHARACTERS])
        yield Noticed(
            "vocabulary_extended",
            f"The output layer was extended by {len(fitted.added)} characters: {shown}.",
            {"characters": shown, "count": len(fitted.added)},
        )
    if fitted.left_out:
        times = sum(fitted.left_out.values())
        shown = " ".join(sorted(fitted.left_out, key=lambda c: -fitted.left_out[c])[:SHOWN_CHARACTERS])
        yield Noticed(
            "characters_dropped",
            f"The model cannot write {shown} ({times} times in the transcripts); they were left out.",
            {"characters": shown, "times": times},
        )


@torch.no_grad()
def _frozen_prefix(model: AsrModel, batch: Sequence[Example]) -> torch.Tensor:
    model.network.eval()  # dropout acts on what learns; what is kept must come out the same every time
    return model.prefix(batch)


def _rate_share(step: int, steps: int, warmup: float) -> float:
    """Linear warm-up to 1, then linear decay to 0 just after the last step; `step` counts from 0."""
    rising = max(1, round(steps * warmup))
    if step < rising:
        return (step + 1) / rising
    return max(0.0, (steps - step) / max(1, steps - rising))


def _evaluate(model: AsrModel, validation: Sounds, language: str, step: int, started: float) -> Evaluated:
    if not validation:
        return Evaluated(step, None, None, 0, "", "", time.perf_counter() - started)
    transcripts = [t.text for t in model.transcribe([wave for wave, _ in validation])]
    result = score([text for _, text in validation], transcripts, language)
    return Evaluated(
        step=step,
        wer=result.wer.rate,
        cer=result.cer.rate,
        clips=len(validation),
        watched=transcripts[0],
        reference=validation[0][1],
        seconds=time.perf_counter() - started,
    )
