"""Adapters on every family: they start as nothing, learn alone, vanish into the weights, and travel by themselves."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from torch import nn
from transformers import AutoModelForCTC, WhisperForConditionalGeneration

from core.errors import ModelError, RecipeError
from core.models.base.protocol import AsrModel, Layer
from core.models.classifier import Classifier
from core.models.deepspeech.model import DeepSpeech, DeepSpeechConfig, new_network
from core.models.loading import load_model
from core.training import adapters
from core.training.recipe import ADAPTERS, TARGETS
from tests.conftest import CTC_FAMILIES, FAMILIES, attach_by_peft, tone

CLIPS = ((tone(1.3, 200), "one two"), (tone(2.1, 450, seed=1), "three"))
RANK, ALPHA = 4, 8.0
MERGED = 1e-3  # what is learnt moves hidden frames by about 5; a frame here and there amplifies rounding, by processor
CONFIG_FILE = "adapter_config.json"  # as PEFT names it
ROOT = Path(__file__).parents[3]

# PeftModel, which only these tests use, asks transformers for something by its old name.
THEIRS = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


@pytest.fixture
def model(folder: Path) -> AsrModel:
    return load_model(str(folder), precision="float32")


@pytest.fixture
def whisper(tiny_whisper: Path) -> AsrModel:
    return load_model(str(tiny_whisper), precision="float32")


def put(model: AsrModel, kind: str = "lora", targets: str = "all", seed: int = 0) -> list[Layer]:
    return adapters.attach(model, model.layers(), kind, targets, RANK, ALPHA, seed=seed)


def parameters(layers: Sequence[Layer]) -> list[nn.Parameter]:
    return [parameter for layer in layers for parameter in layer.parameters]


@torch.no_grad()
def computed(model: AsrModel) -> tuple[torch.Tensor, torch.Tensor]:
    """The hidden frames and the loss of two clips."""
    examples = [model.example(wave, text) for wave, text in CLIPS]
    hidden = model.prefix(examples)
    return hidden, model.loss(examples)


def learn(model: AsrModel, layers: Sequence[Layer], steps: int, kind: str = "lora") -> None:
    model.network.requires_grad_(False)
    learning = parameters(layers)
    for parameter in learning:
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(learning, 0.2 if kind == "ia3" else 0.02, weight_decay=0.0)
    examples = [model.example(wave, text) for wave, text in CLIPS]
    for _ in range(steps):
        optimizer.zero_grad()
        model.loss(examples).backward()
        optimizer.step()


def outline(network: nn.Module) -> tuple[dict[str, type], dict[str, torch.Size]]:
    return {n: type(m) for n, m in network.named_modules()}, {n: v.shape for n, v in network.state_dict().items()}


# On every family


@pytest.mark.parametrize("kind", ADAPTERS[1:])
def test_it_starts_as_nothing(model: AsrModel, kind: str) -> None:
    before, listed = computed(model), model.layers()
    layers = put(model, kind)
    assert adapters.is_attached(model)
    torch.testing.assert_close(computed(model), before, rtol=0, atol=1e-5)
    assert [(layer.name, layer.part) for layer in layers] == [(layer.name, layer.part) for layer in listed]
    assert {p.dtype for p in parameters(layers)} == {torch.float32}
    assert not any(module.training for module in model.network.modules())


@pytest.mark.parametrize("kind", ADAPTERS[1:])
def test_gradients_reach_the_whole_adapter_and_nothing_else(model: AsrModel, kind: str) -> None:
    layers = put(model, kind)
    learning = {id(p) for p in parameters(layers)}
    assert {id(p) for p in model.network.parameters() if p.requires_grad} == learning
    learn(model, layers, 1)  # A has no gradient while B is 0
    model.network.zero_grad()
    model.loss([model.example(wave, text) for wave, text in CLIPS]).backward()
    for name, parameter in model.network.named_parameters():
        learns = parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        assert learns == (id(parameter) in learning), name


@pytest.mark.parametrize("kind", ADAPTERS[1:])
@pytest.mark.parametrize("share", [0.6])
def test_a_blended_adapter_puts_the_weights_on_the_line_through_the_base(model: AsrModel, kind: str, share: float) -> None:
    before = {name: value.detach().clone() for name, value in model.network.named_parameters()}
    learn(model, put(model, kind), 20, kind)
    whole = copy.deepcopy(model)
    adapters.merge(whole)
    adapters.blend(model, share)
    adapters.merge(model)
    ends, moved = dict(whole.network.named_parameters()), 0
    for name, value in model.network.named_parameters():
        torch.testing.assert_close(value, torch.lerp(before[name], ends[name], share), rtol=1e-4, atol=1e-5, msg=name)
        moved += not torch.equal(before[name], ends[name])
    assert moved > 0


@pytest.mark.parametrize("kind", ADAPTERS[1:])
def test_what_it_has_learnt_vanishes_into_the_weights(model: AsrModel, kind: str, tmp_path: Path) -> None:
    before, plain = computed(model), outline(model.network)
    learn(model, put(model, kind), 20, kind)
    learnt = computed(model)
    assert learnt[1] < before[1]
    assert float((learnt[0] - before[0]).abs().max()) > 0.01
    adapters.merge(model)
    assert not adapters.is_attached(model)
    assert outline(model.network) == plain
    torch.testing.assert_close(computed(model), learnt, rtol=0, atol=1e-4)
    model.save(tmp_path)
    again = load_model(str(tmp_path), precision="float32")
    torch.testing.assert_close(again.network.state_dict(), model.network.state_dict(), rtol=0, atol=0)
    torch.testing.assert_close(computed(again), computed(model), rtol=0, atol=5e-5)  # what is frozen takes other kernels


@pytest.mark.parametrize("kind", ADAPTERS[1:])
def test_it_travels_alone(model: AsrModel, kind: str, tmp_path: Path) -> None:
    base, folder = model.id, tmp_path / "adapter"
    model.id = "someone/something"  # what is no folder must not be asked for on the hub
    learn(model, put(model, kind), 2, kind)
    adapters.save(model, folder)
    assert sorted(path.name for path in folder.iterdir()) == [CONFIG_FILE, "adapter_model.safetensors"]
    assert json.loads((folder / CONFIG_FILE).read_text())["base_model_name_or_path"] == "someone/something"
    again = load_model(base, precision="float32")
    plain = computed(again)
    attach_by_peft(again, folder)
    torch.testing.assert_close(computed(again), computed(model), rtol=0, atol=0)
    assert not torch.equal(computed(again)[1], plain[1])


# Where it sits. RANK * (inputs + outputs) of every projection; most tiny networks are 32 wide, and their blocks 64 inside.
ATTENTION, WIDE, BLOCK = RANK * 64, RANK * 96, 2 * RANK * 96
SIZES = {
    **dict.fromkeys(CTC_FAMILIES, (2 * 4 * ATTENTION, 2 * BLOCK)),
    **dict.fromkeys(("wav2vec2-conformer", "wav2vec2-bert", "parakeet"), (2 * 4 * ATTENTION, 2 * 2 * BLOCK)),
    "wavlm": (0, 2 * BLOCK),
    "tiny_ctc": (2 * 4 * ATTENTION, 2 * BLOCK),
    "tiny_whisper": (2 * (4 + 8) * ATTENTION, 4 * BLOCK),
    "tiny_speech2text": (2 * (4 + 8) * ATTENTION, 4 * BLOCK),
    "tiny_moonshine": (2 * (4 + 8) * ATTENTION, 2 * BLOCK + 2 * (RANK * (32 + 128) + WIDE)),  # its decoder's are gated
    "tiny_deepspeech": (0, RANK * (26 * 19 + 64) + 3 * RANK * 128),
}


@pytest.mark.parametrize("targets", TARGETS)
@pytest.mark.parametrize("family", FAMILIES)
def test_its_size_is_that_of_the_projections(
    family: str, targets: str, request: pytest.FixtureRequest, ctc_family: Callable[[str], Path]
) -> None:
    folder = ctc_family(family) if family in CTC_FAMILIES else request.getfixturevalue(family)
    attention, feed_forward = SIZES[family]
    expected = {"attention": attention, "feed_forward": feed_forward, "all": attention + feed_forward}[targets]
    model = load_model(str(folder), precision="float32")
    if expected:
        assert sum(p.numel() for p in parameters(put(model, "lora", targets))) == expected
        return
    with pytest.raises(ModelError, match=r"cannot be placed on attention .* It can be placed on feed_forward\.") as caught:
        put(model, "lora", targets)
    assert caught.value.reason == "adapter_targets_unfit"
    assert not adapters.is_attached(model)


def test_only_the_layers_named_get_one(whisper: AsrModel) -> None:
    chosen = [layer for layer in whisper.layers() if layer.name in ("encoder.norm", "decoder.1")]
    norm, decoder = adapters.attach(whisper, chosen, "lora", "all", RANK, ALPHA)
    assert (norm.parameters, len(decoder.parameters)) == ((), 2 * 10)
    grown = {name for name, _ in whisper.network.named_parameters() if "lora" in name}
    assert {name[: len("model.decoder.layers.1.")] for name in grown} == {"model.decoder.layers.1."}


def test_ia3_scales_keys_values_and_the_inside_of_a_block(whisper: AsrModel) -> None:
    put(whisper, "ia3")
    layer = whisper.network.model.encoder.layers[0]
    sizes = {name: p.shape for name, p in layer.named_parameters() if "ia3" in name}
    assert sizes == {
        "self_attn.k_proj.ia3_l.default": (32, 1),
        "self_attn.v_proj.ia3_l.default": (32, 1),
        "fc2.ia3_l.default": (1, 64),
    }


def test_dora_learns_a_length_for_every_output(whisper: AsrModel) -> None:
    put(whisper, "dora", "attention")
    assert len([name for name, _ in whisper.network.named_parameters() if "magnitude" in name]) == 2 * (4 + 8)
    projection = whisper.network.model.encoder.layers[0].self_attn.q_proj
    lengths = projection.lora_magnitude_vector["default"].weight
    torch.testing.assert_close(lengths, projection.base_layer.weight.norm(dim=1))


def test_wavlm_never_calls_its_attention_projections(ctc_family: Callable[[str], Path]) -> None:
    model = load_model(str(ctc_family("wavlm")), precision="float32")
    called = []
    for name, module in model.network.named_modules():
        if isinstance(module, nn.Linear):
            module.register_forward_hook(lambda *_, name=name: called.append(name))
    computed(model)
    assert any("feed_forward" in name for name in called)
    assert not [name for name in called if name.endswith(("q_proj", "k_proj", "v_proj", "out_proj"))]


@pytest.mark.parametrize("kind", ADAPTERS[1:])
def test_torchaudios_deepspeech_is_clipped_after_it(kind: str) -> None:
    torch.manual_seed(0)
    config = DeepSpeechConfig(cell="birnn", hidden=24)
    model = DeepSpeech("birnn", new_network(config), config, precision="float32")
    with torch.no_grad():
        model.network.fc1.fc.bias += 19.9  # so that the clip at 20 matters
    before, plain = computed(model), outline(model.network)
    layers = put(model, kind)
    torch.testing.assert_close(computed(model), before, rtol=0, atol=1e-5)
    grown = [layer.name for layer in layers if layer.parameters]
    assert grown == ["encoder.fc1", "encoder.fc2", "encoder.fc3", "head.fc4"][kind == "ia3" :]
    learn(model, layers, 20, kind)
    learnt = computed(model)
    assert learnt[1] < before[1]
    adapters.merge(model)
    assert outline(model.network) == plain
    torch.testing.assert_close(computed(model), learnt, rtol=0, atol=1e-4)


@pytest.mark.parametrize("source", ["tiny_whisper", "tiny_ctc"])
def test_a_classifier_takes_one_too(source: str, request: pytest.FixtureRequest) -> None:
    base = load_model(str(request.getfixturevalue(source)), precision="float32")
    model = Classifier.from_recogniser(base, [text for _, text in CLIPS], "float32")
    before, plain = computed(model), outline(model.network)
    layers = put(model)
    torch.testing.assert_close(computed(model), before, rtol=0, atol=1e-5)
    learn(model, layers, 20)
    learnt = computed(model)
    assert learnt[1] < before[1]
    adapters.merge(model)
    assert outline(model.network) == plain
    torch.testing.assert_close(computed(model), learnt, rtol=0, atol=MERGED)


# Its choices


def test_none_is_no_adapter(whisper: AsrModel) -> None:
    plain, listed = outline(whisper.network), whisper.layers()
    assert put(whisper, "none") == listed
    assert not adapters.is_attached(whisper)
    adapters.merge(whisper)
    assert outline(whisper.network) == plain


def test_the_seed_alone_decides_its_values(tiny_whisper: Path) -> None:
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(len(drawn))
        model = load_model(str(tiny_whisper), precision="float32")
        state = torch.random.get_rng_state()
        drawn.append(torch.cat([p.detach().flatten() for p in parameters(put(model, seed=seed))]))
        assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_alpha_over_rank_is_its_weight(whisper: AsrModel) -> None:
    layers = put(whisper)
    learn(whisper, layers, 1)
    projection = whisper.network.model.decoder.layers[0].fc1
    low, high = projection.lora_A["default"].weight.detach(), projection.lora_B["default"].weight.detach()
    expected = projection.base_layer.weight.detach() + ALPHA / RANK * high @ low
    adapters.merge(whisper)
    torch.testing.assert_close(whisper.network.model.decoder.layers[0].fc1.weight.detach(), expected)


def test_dropout_acts_in_training_only(whisper: AsrModel) -> None:
    layers = adapters.attach(whisper, whisper.layers(), "lora", "all", RANK, ALPHA, dropout=0.5)
    learn(whisper, layers, 1)
    torch.testing.assert_close(computed(whisper), computed(whisper), rtol=0, atol=0)
    whisper.network.train()
    assert not torch.equal(computed(whisper)[1], computed(whisper)[1])


@pytest.mark.parametrize("kind", ADAPTERS[1:])
def test_under_bfloat16_its_parameters_stay_float32(kind: str, tiny_whisper: Path) -> None:
    model = load_model(str(tiny_whisper), precision="bfloat16")
    before = computed(model)
    layers = put(model, kind)
    torch.testing.assert_close(computed(model), before, rtol=0, atol=1e-5)
    learn(model, layers, 5, kind)
    assert computed(model)[1] < before[1]
    adapters.merge(model)
    assert {p.dtype for p in (*parameters(layers), *model.network.parameters())} == {torch.float32}


def test_where_nothing_can_sit(whisper: AsrModel) -> None:
    unfit = [layer for layer in whisper.layers() if layer.part in ("front", "head")]
    with pytest.raises(ModelError, match="No adapter fits these layers of .*: front, embeddings. ") as caught:
        adapters.attach(whisper, unfit, "lora", "all", RANK, ALPHA)
    assert caught.value.reason == "adapter_unfit"
    assert not adapters.is_attached(whisper)


@pytest.mark.parametrize(("kind", "targets"), [("LoRA", "all"), ("lora", "q_proj")])
def test_a_choice_that_is_none_is_refused(whisper: AsrModel, kind: str, targets: str) -> None:
    with pytest.raises(RecipeError, match="is one of") as caught:
        put(whisper, kind, targets)
    assert caught.value.reason == "recipe_value"


def test_a_second_one_and_none_at_all(whisper: AsrModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="has no adapter") as caught:
        adapters.save(whisper, tmp_path)
    assert caught.value.reason == "adapter_missing"
    put(whisper)
    adapters.save(whisper, tmp_path)
    with pytest.raises(ModelError, match="already has an adapter") as caught:
        put(whisper, "ia3")
    assert caught.value.reason == "adapter_present"


# Its folder


@pytest.mark.parametrize("kind", ADAPTERS[1:])
@pytest.mark.parametrize(
    ("source", "network"), [("tiny_whisper", WhisperForConditionalGeneration), ("tiny_ctc", AutoModelForCTC)]
)
@THEIRS
def test_peft_reads_it(source: str, network: Any, kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    base = request.getfixturevalue(source)
    model = load_model(str(base), precision="float32")
    learn(model, put(model, kind), 3, kind)
    adapters.save(model, tmp_path)
    theirs = PeftModel.from_pretrained(network.from_pretrained(base), tmp_path).merge_and_unload()
    adapters.merge(model)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(value, model.network.state_dict()[name], rtol=0, atol=0)
    assert theirs.state_dict().keys() == model.network.state_dict().keys()


def test_it_is_imported_when_it_is_needed_and_quietly() -> None:
    code = """
import socket, sys
import core.training.adapters
assert "peft" not in sys.modules
def refuse(*args, **kwargs):
    raise AssertionError("peft asks the network")
socket.getaddrinfo = socket.socket.connect = refuse
import peft
"""
    subprocess.run([sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", code], cwd=ROOT, check=True)
