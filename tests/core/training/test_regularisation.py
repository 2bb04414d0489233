"""What holds a fine-tune back, to the formula."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from core.audio.augment.settings import Augmentation
from core.models.base.protocol import AsrModel, Features
from core.models.loading import load_model
from core.models.random_start import randomise
from core.training.events import Noticed, Trained
from core.training.learner import Learner
from core.training.loop import finetune
from core.training.recipe import Recipe
from core.training.regularisation import Anchor, Average, adversarial_loss, regularised
from tests.conftest import FAMILIES, tone

TRAIN = [(tone(0.8 + 0.2 * i, 150 + 70 * i, seed=i), text) for i, text in enumerate(["one", "two", "three", "four"])]
RECIPE = Recipe(learning_rate=1e-3, epochs=3, batch_size=2, evaluations=1, guards=False)


def load(folder: Path) -> AsrModel:
    return load_model(str(folder), precision="float32")


@pytest.fixture(params=["tiny_whisper", "tiny_ctc", "tiny_deepspeech", "tiny_moonshine", "tiny_speech2text"])
def model(request: pytest.FixtureRequest) -> AsrModel:
    return load(request.getfixturevalue(request.param))


def trained(model: AsrModel, recipe: Recipe, **how) -> list[torch.Tensor]:
    list(finetune(model, TRAIN, (), recipe, **how))
    return [p.detach().clone() for p in model.network.parameters()]


def test_the_gradient_of_the_pull_is_twice_lambda_times_the_distance() -> None:
    theta = nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
    anchor = Anchor([theta], strength=0.3)
    with torch.no_grad():
        theta += torch.tensor([0.5, 0.0, -1.0])
    anchor.penalty().backward()
    assert theta.grad is not None
    torch.testing.assert_close(theta.grad, 2 * 0.3 * torch.tensor([0.5, 0.0, -1.0]))


def test_what_is_new_is_pulled_towards_zero_with_its_own_coefficient() -> None:
    head = nn.Parameter(torch.tensor([[1.0, 2.0], [3.0, 4.0]]))
    fresh = {head: torch.tensor([[False, False], [True, True]])}
    anchor = Anchor([head], strength=0.5, new_strength=0.1, fresh=fresh)
    with torch.no_grad():
        head[0] += 1.0
    penalty = anchor.penalty()
    assert penalty.item() == pytest.approx(0.5 * 2 + 0.1 * (9 + 16))
    penalty.backward()
    assert head.grad is not None
    torch.testing.assert_close(head.grad, torch.tensor([[1.0, 1.0], [0.6, 0.8]]))


def test_without_lambda_the_penalty_changes_no_bit(tiny_whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = trained(load(tiny_whisper), RECIPE)
    penalised = []
    monkeypatch.setattr("core.training.loop.Learner", _always_penalised(penalised))
    with_zero = trained(load(tiny_whisper), dataclasses.replace(RECIPE, l2_new=1.0))  # nothing is new in this model
    assert penalised
    assert all(torch.equal(a, b) for a, b in zip(plain, with_zero, strict=True))


def _always_penalised(seen: list) -> type[Learner]:
    class Penalised(Learner):
        def __init__(self, *given) -> None:
            super().__init__(*given)
            penalty = self.anchor.penalty
            self.anchor.penalty = lambda: seen.append(penalty()) or penalty()

    return Penalised


def test_a_strong_pull_keeps_theta_at_theta_p(model: AsrModel) -> None:
    recipe = dataclasses.replace(RECIPE, learning_rate=1e-4, epochs=20, schedule="cosine")
    before = [p.detach().clone() for p in model.network.parameters()]
    distances = {}
    for strength in (0.0, 1e4):
        with torch.no_grad():
            for p, value in zip(model.network.parameters(), before, strict=True):
                p.copy_(value)
        *_, last = finetune(model, TRAIN, (), dataclasses.replace(recipe, l2_sp=strength))
        assert isinstance(last, Trained)
        distances[strength] = last.distance
    assert distances[1e4] < 0.2 * distances[0.0]


def test_new_rows_of_an_output_layer_are_known_as_new(tiny_ctc: Path) -> None:
    model = load(tiny_ctc)
    assert model.fresh == {}
    model.fit_to(["café"], [2.0], "extend")
    weight = model.layers()[-1].parameters[0]
    assert int(model.fresh[weight].any(dim=1).sum()) == 1 + 1  # é, and the unknown token that the vocabulary brings
    model.fit_to(["привет"], [2.0], "new")
    weight = model.layers()[-1].parameters[0]
    assert int((~model.fresh[weight]).any(dim=1).sum()) == 2  # blank and space had rows before


def test_the_average_is_the_mean_of_the_steps() -> None:
    theta = nn.Parameter(torch.zeros(3))
    average = Average([theta])
    for value in (1.0, 2.0, 6.0):
        with torch.no_grad():
            theta.fill_(value)
        average.add()
    assert average.count == 3
    torch.testing.assert_close(average.values()[0], torch.full((3,), 3.0))


def test_averaging_the_last_steps_says_whether_it_was_kept(tiny_ctc: Path) -> None:
    happened = list(finetune(load(tiny_ctc), TRAIN, TRAIN[:1], dataclasses.replace(RECIPE, average=0.5)))
    told = [e.reason for e in happened if isinstance(e, Noticed) and "average" in e.reason]
    assert told == ["averaged"]  # one clip is no evidence against it


def test_the_adversarial_step_goes_up_the_gradient(model: AsrModel) -> None:
    """Against the step written out: x + epsilon * sign(grad), and the mean of the two losses."""
    model.network.eval()
    batch = [model.example(wave, text) for wave, text in TRAIN[:2]]
    features = model.features(batch)
    leaves = [one.values.clone().requires_grad_(True) for one in features]

    def loss(values: list[torch.Tensor]) -> torch.Tensor:
        read = [dataclasses.replace(one, values=value) for one, value in zip(features, values, strict=True)]
        return model.loss(batch, model.prefix(batch, read))

    clean = loss(leaves)
    gradients = torch.autograd.grad(clean, leaves)
    worse = loss([value.detach() + 1e-3 * g.sign() for value, g in zip(leaves, gradients, strict=True)])
    assert worse > clean
    torch.testing.assert_close(adversarial_loss(model, batch, features, 1e-3), (clean + worse) / 2)


def test_a_training_takes_the_adversarial_step(model: AsrModel) -> None:
    recipe = dataclasses.replace(RECIPE, adversarial=0.01, epochs=1)
    happened = list(finetune(model, TRAIN, (), recipe))
    assert isinstance(happened[-1], Trained)
    assert happened[-1].distance > 0


def test_features_are_what_the_prefix_reads(model: AsrModel) -> None:
    model.network.eval()
    batch = [model.example(wave, text) for wave, text in TRAIN[:2]]
    features = model.features(batch)
    for one in features:
        assert isinstance(one, Features)
        assert max(one.frames) <= one.values.shape[one.time]
    with torch.no_grad():
        torch.testing.assert_close(model.prefix(batch, features), model.prefix(batch))
        silent = [dataclasses.replace(one, values=torch.zeros_like(one.values)) for one in features]
        assert not torch.allclose(model.prefix(batch, silent), model.prefix(batch))


def test_label_smoothing_is_the_mean_over_all_labels(model: AsrModel) -> None:
    """At 0 it is the plain loss; it grows linearly in the share, as a mixture of two targets does."""
    batch = [model.example(wave, text) for wave, text in TRAIN[:2]]
    with torch.no_grad():
        losses = [float(model.loss(batch, None, share)) for share in (0.0, 0.1, 0.3)]
    assert losses[1] != losses[0]
    assert losses[2] - losses[0] == pytest.approx(3 * (losses[1] - losses[0]), rel=1e-3, abs=1e-4)


def test_dropout_and_layer_drop_hold_for_the_training_alone(tiny_whisper: Path) -> None:
    model = load(tiny_whisper)
    layer = model.network.model.decoder.layers[0]
    with regularised(model.network, Recipe(dropout=0.4, layer_drop=0.9)):
        assert layer.dropout == 0.4
        assert model.network.model.encoder.layerdrop == 0.9
    assert layer.dropout == 0.0
    assert model.network.model.encoder.layerdrop == 0.0
    before = trained(load(tiny_whisper), RECIPE)
    dropped = trained(load(tiny_whisper), dataclasses.replace(RECIPE, dropout=0.5))
    assert not all(torch.equal(a, b) for a, b in zip(before, dropped, strict=True))


@pytest.mark.parametrize("family", FAMILIES)
def test_masks_hide_something_of_what_is_read(
    family: str, request: pytest.FixtureRequest, ctc_family: Callable[[str], Path]
) -> None:
    folder = request.getfixturevalue(family) if family.startswith("tiny_") else ctc_family(family)
    augment = Augmentation(time_mask=0.9, frequency_mask=0.3)
    before = trained(load(folder), dataclasses.replace(RECIPE, epochs=1))
    masked = trained(load(folder), dataclasses.replace(RECIPE, epochs=1, augment=augment))
    assert all(value.isfinite().all() for value in masked)
    assert not all(torch.equal(a, b) for a, b in zip(before, masked, strict=True))


def test_the_control_starts_from_other_weights_and_counts_them_all_as_new(model: AsrModel) -> None:
    before = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    randomise(model, seed=3)
    moved = [name for name, p in model.network.named_parameters() if p.dim() > 1 and not torch.equal(p, before[name])]
    kept = [name for name, p in model.network.named_parameters() if p.dim() > 1 and torch.equal(p, before[name])]
    assert moved
    assert all(name.endswith("embed_positions.weight") for name in kept)
    assert all(mask.all() for mask in model.fresh.values())
    first = {name: p.detach().clone() for name, p in model.network.named_parameters()}
    randomise(model, seed=3)
    assert all(torch.equal(p, first[name]) for name, p in model.network.named_parameters())


def test_a_recipe_can_begin_with_the_control(tiny_deepspeech: Path) -> None:
    untrained = load(tiny_deepspeech)
    randomise(untrained, seed=3)
    model = load(tiny_deepspeech)
    learnt = trained(model, dataclasses.replace(RECIPE, start="random", learning_rate=1e-8), seed=3)
    for after, drawn in zip(learnt, untrained.network.parameters(), strict=True):
        torch.testing.assert_close(after, drawn, rtol=0, atol=1e-6)
    assert all(mask.all() for mask in model.fresh.values())
