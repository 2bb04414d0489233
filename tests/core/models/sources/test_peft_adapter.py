"""Adapters saved by themselves: merged as PEFT merges them, or refused with what is missing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import IA3Config, LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCTC, WhisperForConditionalGeneration

from core.errors import ModelError
from core.models import loading
from core.models.loading import load_model, model_family
from core.training import adapters
from tests.conftest import tone

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT asks transformers for it

QUERIES = {"target_modules": ["q_proj", "v_proj"], "r": 2}
KINDS: dict[str, Any] = {
    "lora": lambda: LoraConfig(**QUERIES, lora_alpha=7),
    "a task": lambda: LoraConfig(**QUERIES, task_type="SEQ_2_SEQ_LM"),
    "dora": lambda: LoraConfig(target_modules=["q_proj", "fc1"], r=2, use_dora=True, use_rslora=True),
    "patterns": lambda: LoraConfig(
        target_modules=r".*decoder.*(q_proj|v_proj)$",
        r=2,
        rank_pattern={"q_proj": 3},
        alpha_pattern={"1.self_attn.q_proj": 2.0},
    ),
    "ia3": lambda: IA3Config(target_modules=["k_proj", "fc2"], feedforward_modules=["fc2"]),
    "biases": lambda: LoraConfig(**QUERIES, bias="lora_only"),
    "whole modules": lambda: LoraConfig(**QUERIES, modules_to_save=["conv1"]),
    "convolutions": lambda: LoraConfig(target_modules=["conv2"], r=2),
}


def make(config: Any, base: Path, folder: Path, kind: Any = WhisperForConditionalGeneration) -> Path:
    torch.manual_seed(0)
    wrapped = get_peft_model(kind.from_pretrained(base), config)
    with torch.no_grad():
        for parameter in wrapped.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    wrapped.save_pretrained(str(folder))
    return folder


@pytest.fixture
def adapter(tiny_whisper: Path, tmp_path: Path) -> Path:
    return make(KINDS["lora"](), tiny_whisper, tmp_path / "适配 器")


def change_settings(folder: Path, **changes: object) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def refused(folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_model(str(folder))
    assert str(folder) in str(caught.value)
    assert str(caught.value).endswith(".")
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_is_merged_as_peft_merges_it(kind: str, tiny_whisper: Path, tmp_path: Path) -> None:
    folder = make(KINDS[kind](), tiny_whisper, tmp_path / "adapter")
    model = load_model(str(folder), precision="float32")
    base = WhisperForConditionalGeneration.from_pretrained(tiny_whisper)
    before = {name: value.clone() for name, value in base.state_dict().items()}
    expected = PeftModel.from_pretrained(base, str(folder)).merge_and_unload().state_dict()
    merged = model.network.state_dict()
    assert merged.keys() == expected.keys()
    assert all(torch.equal(merged[name], value) for name, value in expected.items())
    assert any(not torch.equal(merged[name], value) for name, value in before.items())
    fresh = load_model(str(tiny_whisper)).network.named_parameters()
    assert {n: p.requires_grad for n, p in model.network.named_parameters()} == {n: p.requires_grad for n, p in fresh}
    assert not adapters.is_attached(model)
    assert model_family(str(folder)) == "whisper"


def test_an_adapter_of_another_family_in_torchs_format(tiny_ctc: Path, tmp_path: Path) -> None:
    folder = make(KINDS["lora"](), tiny_ctc, tmp_path / "adapter", AutoModelForCTC)
    expected = load_model(str(folder)).network.state_dict()
    torch.save(load_file(folder / "adapter_model.safetensors"), folder / "adapter_model.bin")
    (folder / "adapter_model.safetensors").unlink()
    loaded = load_model(str(folder)).network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())


def test_the_adapter_of_a_run(tiny_whisper: Path, tmp_path: Path) -> None:
    model = load_model(str(tiny_whisper), precision="float32")
    adapters.attach(model, model.layers(), "lora", "attention", 2, 4.0)
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            if "lora_B" in name:
                parameter.fill_(0.01)
    adapters.save(model, tmp_path)
    adapters.merge(model)
    expected = model.transcribe([tone(1.0)])
    assert load_model(str(tmp_path), precision="float32").transcribe([tone(1.0)]) == expected


def test_a_base_in_the_hubs_cache(adapter: Path, tiny_whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change_settings(adapter, base_model_name_or_path="someone/whisper")
    cached: Callable[[str], str | None] = lambda id: str(tiny_whisper) if id == "someone/whisper" else None  # noqa: E731
    monkeypatch.setattr(loading, "_cached_folder", cached)
    assert load_model(str(adapter)).id == str(adapter)


@pytest.mark.parametrize("base", ["someone/whisper", "/no/such/folder", "./nothing", "torchaudio:HUBERT_BASE", "x" * 100])
def test_a_base_that_is_not_here_is_named(base: str, adapter: Path) -> None:
    change_settings(adapter, base_model_name_or_path=base)
    error = refused(adapter)
    assert error.reason == "model_adapter_base"
    assert error.details["base"] == base


def test_an_adapters_base_is_no_adapter(adapter: Path) -> None:
    change_settings(adapter, base_model_name_or_path=str(adapter))
    assert refused(adapter).reason == "model_adapter_base"


@pytest.mark.parametrize("base", [None, "", " ", 3, ["a"], "a\nb", "x" * 100_000, "\\\\server\\share\\model", "//server/model"])
def test_a_base_that_is_no_name(base: object, adapter: Path) -> None:
    change_settings(adapter, base_model_name_or_path=base)
    assert refused(adapter).reason == "model_adapter_nameless"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"peft_type": "PREFIX_TUNING"}, "model_adapter_kind"),
        ({"peft_type": None}, "model_adapter_kind"),
        ({"init_lora_weights": "pissa"}, "model_adapter_kind"),
        ({"layer_replication": [[0, 2]]}, "model_adapter_kind"),
        ({"megatron_config": {"a": 1}, "megatron_core": "antigravity"}, "model_adapter_kind"),
        ({"target_parameters": ["a"]}, "model_adapter_kind"),
        ({"alpha_pattern": {"(a+)+$": 1}}, "model_adapter_unfit"),
        ({"lora_alpha": "many"}, "model_adapter_unfit"),
        ({"r": 1 << 40}, "model_number"),
        ({"auto_mapping": {"parent_library": "antigravity"}, "r": 100_000}, None),  # neither is used
    ],
)
def test_settings_that_are_not_merged(changes: dict[str, object], reason: str | None, adapter: Path) -> None:
    expected = None if reason else load_model(str(adapter)).network.state_dict()
    change_settings(adapter, **changes)
    if expected is None:
        assert refused(adapter).reason == reason
    else:
        loaded = load_model(str(adapter)).network.state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in expected.items())


@pytest.mark.parametrize(
    "spoil", ["one half", "another base", "no place", "NaN", "cut", "removed", "pointer", "no weights of one"]
)
def test_weights_that_are_not_merged(spoil: str, adapter: Path, tiny_ctc: Path) -> None:
    file = adapter / "adapter_model.safetensors"
    weights = load_file(file)
    reason = "model_adapter_unfit"
    if spoil == "one half":
        weights = {name: value for name, value in weights.items() if "layers.1" not in name or "lora_B" not in name}
    elif spoil == "another base":
        change_settings(adapter, base_model_name_or_path=str(tiny_ctc))
    elif spoil == "no place":
        weights["base_model.model.nowhere.weight"] = torch.zeros(2)
    elif spoil == "no weights of one":
        weights = {"base_model.model.model.encoder.conv1.bias": torch.zeros(1)}
    elif spoil == "NaN":
        weights[min(weights)][0, 0] = float("nan")
        reason = "model_not_finite"
    save_file(weights, file, {"format": "pt"})
    if spoil == "cut":
        file.write_bytes(file.read_bytes()[:-10])
        reason = "model_weights_damaged"
    elif spoil == "removed":
        file.unlink()
        reason = "model_no_weights"
    elif spoil == "pointer":
        file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
        reason = "model_lfs"
    assert refused(adapter).reason == reason


def test_an_adapter_beside_its_model(adapter: Path, tiny_whisper: Path) -> None:
    shutil.copytree(tiny_whisper, adapter, dirs_exist_ok=True)
    assert refused(adapter).reason == "model_with_adapter"
