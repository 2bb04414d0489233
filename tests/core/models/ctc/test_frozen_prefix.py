"""A network that goes on from a kept prefix computes what it computes in one go, whatever its family and the depth."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from core.audio.sound_files import SAMPLE_RATE
from core.models.base.protocol import FRONT, AsrModel, Depth, Example
from core.models.ctc import frozen_prefix
from core.models.deepspeech.model import DeepSpeech, DeepSpeechConfig, new_network
from core.models.loading import load_model
from core.training.recipe import Recipe
from core.training.regularisation import regularised
from tests.conftest import tone

CLIPS = [(tone(1.3, 200), "one two"), (tone(2.1, 450, seed=1), "three"), (tone(1.7, 330, seed=2), "four")]
# Kernels add up in orders of their own. A sum of n terms is rounded by at most n eps of their sizes (Higham 2002, section
# 4.2), and the longest sums here are over the frames of a batch, of which no model has more than 100 a second.
ROUNDING = 100 * sum(len(wave) for wave, _ in CLIPS) / SAMPLE_RATE * torch.finfo(torch.float32).eps
STILL = Recipe(dropout=0.0, layer_drop=0.0)


def batch_of(model: AsrModel) -> list[Example]:
    return [model.example(wave, text) for wave, text in CLIPS]


def learned_above(model: AsrModel, depth: Depth, training: bool, cut: bool) -> tuple[float, dict[str, torch.Tensor]]:
    """Returns the loss and the gradients of all that is not below a depth."""
    below = {id(weight) for _, weight in depth.weights}
    for parameter in model.network.parameters():
        parameter.requires_grad_(id(parameter) not in below)
        parameter.grad = None
    batch = batch_of(model)
    model.network.eval()
    with torch.no_grad():
        kept = model.prefix(batch, depth=depth.layers) if cut else None
    with regularised(model.network, STILL):
        model.network.train(training)
        for module in model.network.modules():
            if isinstance(module, nn.BatchNorm1d):  # of its own batch's numbers in training, which a frozen layer goes without
                module.eval()
        loss = model.loss(batch, kept, depth=depth.layers) if cut else model.loss(batch)
    loss.backward()
    gradients = {name: p.grad.to_dense() for name, p in model.network.named_parameters() if p.grad is not None}
    return float(loss.detach()), gradients


def still(model: AsrModel) -> AsrModel:
    """Masks and drops nothing, not even where a recipe leaves it as it is."""
    config = getattr(model.network, "config", None)
    for name in ("mask_time_prob", "mask_feature_prob"):
        if hasattr(config, name):
            setattr(config, name, 0.0)
    for module in model.network.modules():
        for name in [name for name, value in vars(module).items() if "drop" in name and isinstance(value, float)]:
            setattr(module, name, 0.0)
    return model


def check(model: AsrModel, training: bool) -> None:
    listed = model.depths()
    assert listed[-1].layers is None
    for depth in listed:
        loss, gradients = learned_above(model, depth, training, cut=False)
        again, found = learned_above(model, depth, training, cut=True)
        largest = max(float(gradient.abs().max()) for gradient in gradients.values())
        assert again == pytest.approx(loss, rel=ROUNDING), depth.layers
        torch.testing.assert_close(found, gradients, rtol=0, atol=ROUNDING * largest)


@pytest.mark.parametrize("training", [False, True])
def test_what_learns_above_a_prefix_learns_the_same(folder: Path, training: bool) -> None:
    check(still(load_model(str(folder), precision="float32")), training)


@pytest.mark.filterwarnings("ignore:Support for mismatched key_padding_mask")  # WavLM's own, wherever clips are padded
@pytest.mark.parametrize(
    "shape",
    [
        {"do_stable_layer_norm": True, "feat_extract_norm": "layer"},
        {"add_adapter": True, "output_hidden_size": 24},
        {"num_hidden_layers": 3},
    ],
    ids=lambda shape: next(iter(shape)),
)
@pytest.mark.parametrize("family", ["wavlm", "wav2vec2", "wav2vec2-conformer", "wav2vec2-bert"])
def test_so_it_does_in_their_other_shapes(family: str, shape: dict, ctc_family: Callable[[str], Path], tmp_path: Path) -> None:
    model = load_model(str(ctc_family(family)), precision="float32")
    config = model.network.config
    config.update({**shape, "mask_time_prob": 0.0})
    torch.manual_seed(0)
    model.network = type(model.network)(config).eval()
    model._extractor.return_attention_mask = True
    check(model, training=True)


def test_so_do_deepspeechs_two_way_networks() -> None:
    torch.manual_seed(0)
    config = DeepSpeechConfig(cell="birnn", hidden=32)
    check(DeepSpeech("tiny", new_network(config), config, precision="float32"), training=False)


def test_so_does_whisper_without_thinning(tiny_whisper: Path) -> None:
    model = load_model(str(tiny_whisper), precision="float32")
    model.thin = False
    check(model, training=False)


@pytest.mark.parametrize(
    ("family", "layers"),
    [
        ("wav2vec2", [FRONT, 1, None]),
        ("wav2vec2-large", [FRONT, 1, None]),
        ("wav2vec2-conformer", [FRONT, 1, None]),
        ("wav2vec2-bert", [1, None]),
        ("hubert", [FRONT, 1, None]),
        ("wavlm", [FRONT, 1, None]),
        ("unispeech", [FRONT, 1, None]),
        ("unispeech-sat", [FRONT, 1, None]),
        ("sew", [FRONT, 1, None]),
        ("sew-d", [FRONT, 1, None]),
        ("data2vec-audio", [FRONT, 1, None]),
        ("parakeet", [0, 1, None]),
    ],
)
def test_where_a_family_can_be_cut(family: str, layers: list[int | None], ctc_family: Callable[[str], Path]) -> None:
    model = load_model(str(ctc_family(family)), precision="float32")
    assert [depth.layers for depth in model.depths()] == layers
    sizes = [sum(weight.numel() for _, weight in depth.weights) for depth in model.depths()]
    assert sizes == sorted(set(sizes))


def test_an_unknown_structure_is_taken_whole(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen_prefix, "TYPES", frozenset())
    assert [depth.layers for depth in load_model(str(tiny_ctc)).depths()] == [None]


@pytest.mark.parametrize("family", ["wav2vec2", "wavlm", "sew", "wav2vec2-bert", "parakeet"])
def test_dropping_layers_never_drops_what_was_kept(family: str, ctc_family: Callable[[str], Path]) -> None:
    """Of two layers one is kept, so the other is applied or left out: two losses, and no third."""
    model = still(load_model(str(ctc_family(family)), precision="float32"))
    batch = batch_of(model)
    losses = []
    with torch.no_grad(), regularised(model.network, Recipe(dropout=0.0, layer_drop=0.5)):
        kept = model.prefix(batch, depth=1)
        applied = float(model.loss(batch, kept, depth=1))
        model.network.train()
        for module in model.network.modules():
            if isinstance(module, nn.BatchNorm1d):
                module.eval()
        for seed in range(12):
            torch.manual_seed(seed)
            losses.append(round(float(model.loss(batch, kept, depth=1)), 4))
    assert len(set(losses)) == 2
    assert round(applied, 4) in losses


@pytest.mark.parametrize("family", ["wav2vec2", "sew-d", "parakeet"])
def test_the_network_is_as_before(family: str, ctc_family: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(str(ctc_family(family)), precision="float32")
    batch = batch_of(model)
    model.network.train()
    before = [(name, id(module), module.training, "forward" in vars(module)) for name, module in model.network.named_modules()]
    kept = model.prefix(batch, depth=1)
    model.loss(batch, kept, depth=1)
    with monkeypatch.context() as patch:
        patch.setattr(frozen_prefix, "_run", lambda *given: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            model.loss(batch, kept, depth=1)
    after = [(name, id(module), module.training, "forward" in vars(module)) for name, module in model.network.named_modules()]
    assert after == before
    assert not any(has for *_, has in after)


@pytest.mark.parametrize("family", ["tiny_whisper", "tiny_ctc", "tiny_deepspeech"])
def test_under_bfloat16_the_rest_reads_what_it_always_reads(family: str, request: pytest.FixtureRequest) -> None:
    model = still(load_model(str(request.getfixturevalue(family)), precision="bfloat16"))
    batch = batch_of(model)
    with torch.no_grad():
        whole = model.loss(batch)
        for depth in model.depths():
            torch.testing.assert_close(model.loss(batch, model.prefix(batch, depth=depth.layers), depth=depth.layers), whole)
