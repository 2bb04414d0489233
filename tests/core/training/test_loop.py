"""The loop: its events, its arithmetic, its determinism, and how it ends."""

from __future__ import annotations

import dataclasses
import itertools
import math
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from core.audio.augment.settings import Augmentation
from core.errors import DatasetError
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.training.evaluating import LEAST_LOOKED_AT, looks
from core.training.events import Evaluated, Event, Noticed, Prepared, Stepped, Trained
from core.training.learner import batches_by_length, padding
from core.training.loop import finetune, rate_share
from core.training.recipe import Recipe
from tests.conftest import tone

TRAIN = [(tone(0.6 + 0.2 * i, 150 + 70 * i, seed=i), text) for i, text in enumerate(["one", "two", "three", "four", "five"])]
HELD_OUT = [(tone(1.1, 333, seed=9), "six"), (tone(0.9, 444, seed=8), "seven")]
RECIPE = Recipe(learning_rate=1e-3, epochs=3, batch_size=2, evaluations=3)


@pytest.fixture(params=["tiny_whisper", "tiny_ctc", "tiny_deepspeech"])
def folder(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def load(folder: Path) -> AsrModel:
    return load_model(str(folder), precision="float32")


def timeless(happened: list[Event]) -> list[Event]:
    clocks = ("seconds", "remaining", "evaluation_seconds")
    return [dataclasses.replace(e, **{f: 0.0 for f in clocks if hasattr(e, f)}) for e in happened]


def of(kind: type, happened: list[Event]) -> list:
    return [event for event in happened if isinstance(event, kind)]


def test_events_come_in_order_and_count_what_they_say(folder: Path) -> None:
    model = load(folder)
    happened = list(finetune(model, TRAIN, HELD_OUT, RECIPE))
    prepared, first, *middle, trained = happened
    assert isinstance(prepared, Prepared)
    assert (prepared.clips, prepared.steps) == (5, 9)
    assert prepared.minutes == pytest.approx(sum(len(wave) for wave, _ in TRAIN) / 16_000 / 60)
    assert prepared.parameters == sum(p.numel() for p in model.network.parameters())
    assert isinstance(first, Evaluated)
    assert first.step == 0
    assert [event.step for event in of(Stepped, middle)] == list(range(1, 10))
    assert [event.step for event in of(Evaluated, middle)] == [3, 6, 9]
    assert all(event.clips == 2 and event.reference == "six" for event in of(Evaluated, middle))
    assert prepared.held_out == ("six", "seven")
    assert all(len(event.texts) == 2 and event.texts[0] == event.watched for event in of(Evaluated, happened))
    remaining = [event.remaining for event in of(Stepped, middle)]
    assert all(seconds >= 0 for seconds in remaining)
    assert isinstance(trained, Trained)
    assert (trained.steps, trained.stopped) == (9, False)
    assert trained.distance > 0


@pytest.mark.parametrize("held_out", [HELD_OUT, []], ids=["validated", "unvalidated"])
@pytest.mark.parametrize("trains", ["everything", "head"])
def test_the_same_seed_gives_the_same_events_and_parameters(folder: Path, trains: str, held_out: list) -> None:
    recipe = dataclasses.replace(RECIPE, trains=trains, l2_sp=0.01)
    results = []
    for noise in (1, 2):  # whatever was drawn before
        torch.manual_seed(noise)
        np.random.seed(noise)
        model = load(folder)
        happened = timeless(list(finetune(model, TRAIN, held_out, recipe, seed=5)))
        results.append((happened, [p.detach().clone() for p in model.network.parameters()]))
    assert results[0][0] == results[1][0]
    assert all(torch.equal(a, b) for a, b in zip(results[0][1], results[1][1], strict=True))
    other = timeless(list(finetune(load(folder), TRAIN, HELD_OUT, recipe, seed=6)))
    assert other != results[0][0]


def test_whoever_draws_random_numbers_meanwhile_neither_disturbs_nor_is_disturbed(folder: Path) -> None:
    recipe = dataclasses.replace(RECIPE, dropout=0.2, layer_drop=0.2, start="random", augment=Augmentation(time_mask=0.3))
    alone = timeless(list(finetune(load(folder), TRAIN, HELD_OUT, recipe, seed=5)))
    torch.manual_seed(1)
    np.random.seed(1)
    expected = [(float(torch.rand(())), float(np.random.rand())) for _ in alone]
    models = [load(folder), load(folder)]
    torch.manual_seed(1)
    np.random.seed(1)
    happened: list[tuple[Event, Event]] = []
    drawn = []
    for pair in zip(*(finetune(model, TRAIN, HELD_OUT, recipe, seed=5) for model in models), strict=True):
        happened.append(pair)
        drawn.append((float(torch.rand(())), float(np.random.rand())))
    assert drawn == expected
    for events in zip(*happened, strict=True):  # of two trainings that take turns
        assert timeless(list(events)) == alone


def test_trainings_in_two_threads_leave_torch_and_their_networks_as_they_were(tiny_ctc: Path) -> None:
    recipe = dataclasses.replace(RECIPE, epochs=1, dropout=0.2, trains="last", last_layers=1)
    torchs = functional.dropout, functional.scaled_dot_product_attention, functional.linear
    models = [load(tiny_ctc), load(tiny_ctc)]
    before = [settings(model) for model in models]
    together = threading.Barrier(2, timeout=300)

    def train(model: AsrModel) -> None:
        for event in finetune(model, TRAIN, HELD_OUT, recipe):
            if isinstance(event, Stepped):
                together.wait()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(train, model) for model in models]:
            done.result()
    assert (functional.dropout, functional.scaled_dot_product_attention, functional.linear) == torchs
    assert [settings(model) for model in models] == before
    assert functional.dropout(given := torch.ones(10), 1e-6) is not given  # which the quick one would hand back


def settings(model: AsrModel) -> list[dict[str, object]]:
    """What each module of a network is set to: numbers, switches and replaced functions, but no parameters or buffers."""
    return [
        {
            name: value
            for name, value in vars(module).items()
            if isinstance(value, bool | int | float | str) or (callable(value) and not isinstance(value, torch.nn.Module))
        }
        | {"children": [id(child) for child in module.children()]}
        for module in model.network.modules()
    ]


def test_gradients_that_lie_about_from_before_change_nothing(tiny_whisper: Path) -> None:
    trained = []
    for lying in (False, True):
        model = load(tiny_whisper)
        if lying:
            for parameter in model.network.parameters():
                parameter.grad = torch.ones_like(parameter)
        list(finetune(model, TRAIN, (), RECIPE, seed=5))
        trained.append([p.detach().clone() for p in model.network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*trained, strict=True))


def test_the_loop_is_adamw_on_loss_and_penalty(tiny_whisper: Path) -> None:
    """Against the same few steps written out plainly."""
    recipe = Recipe(
        trains="decoder", learning_rate=1e-3, epochs=4, batch_size=5, warmup=0.0, weight_decay=0.1, l2_sp=0.3, evaluations=1
    )
    model, plain = load(tiny_whisper), load(tiny_whisper)
    for each in (model, plain):
        for module in each.network.modules():
            if isinstance(getattr(module, "dropout", None), float):
                module.dropout = 0.0
    happened = list(finetune(model, TRAIN, (), recipe))

    learning = [p for layer in plain.layers() if layer.part in ("decoder", "head") for p in layer.parameters]
    start = [p.detach().clone() for p in learning]
    for parameter in plain.network.parameters():
        parameter.requires_grad_(any(parameter is p for p in learning))
    optimizer = torch.optim.AdamW(learning, lr=1e-3, weight_decay=0.1)
    examples = sorted((plain.example(wave, text) for wave, text in TRAIN), key=lambda e: e.seconds)
    expected = []
    for step in range(4):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1.0 if step == 0 else (4 - step) / 3)
        loss = plain.loss(examples)
        penalty = 0.3 * sum((p - s).square().sum() for p, s in zip(learning, start, strict=True))
        optimizer.zero_grad()
        (loss + penalty).backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        optimizer.step()
        expected.append((loss.item(), penalty.item()))
    found = [(event.loss, event.penalty) for event in of(Stepped, happened)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_what_is_frozen_stays_to_the_bit(folder: Path) -> None:
    model = load(folder)
    before = {id(p): p.detach().clone() for p in model.network.parameters()}
    list(finetune(model, TRAIN, (), dataclasses.replace(RECIPE, trains="head")))
    for layer in model.layers():
        moved = any(not torch.equal(p, before[id(p)]) for p in layer.parameters)
        assert moved == (layer.part == "head"), layer.name


def test_l2_sp_holds_the_model_near_its_start(folder: Path) -> None:
    distances = []
    for strength in (0.0, 10.0):
        (trained,) = of(
            Trained, list(finetune(load(folder), TRAIN, (), dataclasses.replace(RECIPE, l2_sp=strength, epochs=10)))
        )
        distances.append(trained.distance)
    assert distances[1] < distances[0] / 2


def test_stopping_keeps_what_was_learnt_and_scores_it(folder: Path) -> None:
    def after_four() -> Iterator[bool]:
        yield from [False] * 4
        while True:
            yield True

    answers = after_four()
    model = load(folder)
    happened = list(finetune(model, TRAIN, HELD_OUT, RECIPE, should_stop=lambda: next(answers)))
    trained = happened[-1]
    assert isinstance(trained, Trained)
    assert (trained.steps, trained.stopped) == (4, True)
    assert [event.step for event in of(Evaluated, happened)] == [0, 3, 4]
    assert trained.best_step in (3, 4)


def test_stopping_before_the_first_step_leaves_the_base(folder: Path) -> None:
    model = load(folder)
    before = [p.detach().clone() for p in model.network.parameters()]
    trained = list(finetune(model, TRAIN, HELD_OUT, RECIPE, should_stop=lambda: True))[-1]
    assert isinstance(trained, Trained)
    assert (trained.steps, trained.best_step, trained.stopped, trained.distance) == (0, 0, True, 0.0)
    assert all(torch.equal(a, b) for a, b in zip(before, model.network.parameters(), strict=True))


def test_the_best_checkpoint_is_the_one_that_stays(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(tiny_ctc)
    head = model.layers()[-1].parameters[0]
    writes = iter(["six seven eight", "six", "nothing", "nothing at all"])  # the base, then the evaluations
    kept: list[torch.Tensor] = []

    def transcribe(waves: list[np.ndarray]) -> list:
        text = next(writes)
        kept.append(head.detach().clone())
        return [type("T", (), {"text": text})() for _ in waves]

    monkeypatch.setattr(model, "transcribe", transcribe)
    trained = list(finetune(model, TRAIN, [HELD_OUT[0]] * 5, RECIPE))[-1]
    assert isinstance(trained, Trained)
    assert trained.best_step == 3
    assert torch.equal(head, kept[1])
    assert not torch.equal(head, kept[3])


def test_without_validation_the_last_step_stays(folder: Path) -> None:
    happened = list(finetune(load(folder), TRAIN, (), RECIPE))
    assert [event.wer for event in of(Evaluated, happened)] == [
        None
    ] * 2  # before and after: no clips could choose a step between
    assert happened[-1].best_step == 9


def test_a_rate_that_blows_up_is_named(tiny_whisper: Path) -> None:
    model = load(tiny_whisper)
    with torch.no_grad():
        model.layers()[-1].parameters[0].mul_(math.inf)
    with pytest.raises(DatasetError, match=r"infinite or undefined at step 1\. Use a learning rate below 0\.001") as caught:
        list(finetune(model, TRAIN, (), RECIPE))
    assert caught.value.reason == "loss_not_finite"


def test_clips_that_cannot_be_learnt_from_are_named_and_left_out(tiny_ctc: Path) -> None:
    happened = list(finetune(load(tiny_ctc), [*TRAIN, (tone(0.2), "many letters in no time")], (), RECIPE))
    (notice,) = of(Noticed, happened)
    assert notice.reason == "text_does_not_fit"
    assert of(Prepared, happened)[0].clips == 5
    with pytest.raises(DatasetError, match="no clips to train on"):
        list(finetune(load(tiny_ctc), [(tone(0.2), "many letters in no time")], (), RECIPE))


def test_characters_that_cannot_be_written_are_named(tiny_ctc: Path) -> None:
    happened = list(finetune(load(tiny_ctc), [(wave, f"{text}!") for wave, text in TRAIN], (), RECIPE))
    assert of(Noticed, happened)[0].details == {"characters": "!", "times": 5}


def test_transcripts_are_learnt_as_they_are_given(tiny_whisper: Path) -> None:
    """How they are written is chosen before, with the set, and nowhere changed in silence."""
    losses = [
        of(Stepped, list(finetune(load(tiny_whisper), [(wave, style(text)) for wave, text in TRAIN], (), RECIPE)))
        for style in (str.upper, str.lower)
    ]
    assert [event.loss for event in losses[0]] != [event.loss for event in losses[1]]


def test_batches_are_of_similar_length_and_hold_everything(tiny_ctc: Path) -> None:
    model = load(tiny_ctc)
    examples = [model.example(tone(seconds), "a") for seconds in (3.0, 0.5, 2.0, 1.0, 2.5)]
    assert batches_by_length([e.seconds for e in examples], 2) == [[1, 3], [2, 4], [0]]


def test_long_clips_come_in_smaller_batches(tiny_ctc: Path) -> None:
    model = load(tiny_ctc)
    examples = [model.example(tone(seconds), "a") for seconds in (1.0, 12.0, 25.0, 1.5, 9.0, 12.5)]
    seconds = [e.seconds for e in examples]
    batches = batches_by_length(seconds, 2)
    assert batches == [[0, 3], [4], [1], [5], [2]]
    assert padding(seconds[:2], [[0, 1]]) == pytest.approx(1 - 13 / 24)
    assert padding(seconds[:1], [[0]]) == 0.0


@pytest.mark.parametrize(
    ("validation", "train", "count"), [(0, 100, 0), (5, 100, 5), (40, 20, LEAST_LOOKED_AT), (40, 500, 40), (400, 500, 42)]
)
def test_many_validation_clips_are_sampled_evenly(validation: int, train: int, count: int) -> None:
    chosen = looks(validation, train, dataclasses.replace(RECIPE, epochs=5, evaluations=5))
    assert len(chosen) == count
    assert chosen == sorted(set(chosen))
    assert chosen[:1] == ([0] if validation else [])
    assert all(0 <= i < validation for i in chosen)
    gaps = [b - a for a, b in itertools.pairwise(chosen)]
    assert not gaps or max(gaps) - min(gaps) <= 1


def test_the_rate_rises_then_falls_to_zero() -> None:
    shares = [rate_share(step, 20, 0.2) for step in range(21)]
    assert shares[:4] == [0.25, 0.5, 0.75, 1.0]
    assert shares[4] == 1.0
    assert all(a > b for a, b in itertools.pairwise(shares[4:]))
    assert shares[20] == 0.0
