"""Folders whose parts are missing or do not fit one another: no model of them may transcribe nonsense, or nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import Wav2Vec2FeatureExtractor, WhisperFeatureExtractor, WhisperTokenizer

from core.cli.main import main
from core.errors import ModelError
from core.models.base.pretrained import refuse_not_finite
from core.models.loading import load_model
from tests.conftest import tone

Change = Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]


@pytest.fixture
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Path]:
    """Returns a copy of a tiny model's folder, to break; its path has a space and Chinese characters."""
    return lambda name: Path(shutil.copytree(request.getfixturevalue(f"tiny_{name}"), tmp_path / f"我的 {name}"))


def refused(folder: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_model(str(folder))
    error = caught.value
    assert str(error).endswith(".")
    assert str(folder) in str(error)
    assert "huggingface.co" not in str(error)
    return error


def change_weights(folder: Path, change: Change) -> None:
    save_file(change(load_file(folder / "model.safetensors")), folder / "model.safetensors", {"format": "pt"})


def one_is(value: float) -> Change:
    def change(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        weights[min(weights)].view(-1)[-1] = value
        return weights

    return change


TOKENS = ("tokenizer.json", "tokenizer_config.json", "vocab.json")


@pytest.mark.parametrize(
    ("name", "gone", "reason", "named"),
    [
        ("whisper", TOKENS, "model_no_tokenizer", "vocab.json and merges.txt"),
        ("whisper", ("tokenizer.json",), "model_no_tokenizer", "tokenizer.json"),
        ("whisper", ("processor_config.json",), "model_no_extractor", "preprocessor_config.json"),
        ("whisper", ("config.json",), "model_no_config", "config.json"),
        ("whisper", ("model.safetensors",), "model_no_weights", "model.safetensors"),
        ("moonshine", TOKENS, "model_no_tokenizer", "tokenizer.json"),
        ("moonshine", ("preprocessor_config.json",), "model_no_extractor", "preprocessor_config.json"),
        ("ctc", TOKENS, "model_no_vocabulary", "vocab.json"),
        ("ctc", (*TOKENS, "preprocessor_config.json"), "model_no_extractor", "preprocessor_config.json"),
        ("ctc", ("preprocessor_config.json",), "model_no_extractor", "preprocessor_config.json"),
        ("ctc_classifier", ("preprocessor_config.json",), "model_no_extractor", "preprocessor_config.json"),
        ("deepspeech", ("model.safetensors",), "model_no_weights", "model.safetensors"),
    ],
)
def test_what_is_missing_is_named(name: str, gone: tuple[str, ...], reason: str, named: str, broken: Any) -> None:
    folder = broken(name)
    for file in gone:
        (folder / file).unlink(missing_ok=True)
    error = refused(folder)
    assert error.reason == reason
    assert named in str(error)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("name", ["whisper", "ctc", "deepspeech", "moonshine", "speech2text", "whisper_classifier"])
def test_weights_that_are_no_numbers(name: str, value: float, broken: Any) -> None:
    folder = broken(name)
    change_weights(folder, one_is(value))
    error = refused(folder)
    assert error.reason == "model_not_finite"
    assert error.details["name"] in load_file(folder / "model.safetensors")


def test_weights_whose_sum_overflows_are_numbers() -> None:
    layer = torch.nn.Linear(4, 4)
    with torch.no_grad():
        layer.weight.fill_(3e38)
    refuse_not_finite("large", layer)


def test_statistics_that_are_no_numbers() -> None:
    norm = torch.nn.BatchNorm1d(4)
    norm.running_var[1] = float("nan")
    with pytest.raises(ModelError, match="running_var contains NaN or infinity"):
        refuse_not_finite("spoilt", norm)


def without(start: str) -> Change:
    return lambda weights: {name: value for name, value in weights.items() if start not in name}


@pytest.mark.parametrize(
    ("name", "change", "count"),
    [
        ("whisper", without("encoder.layers.1.fc1"), 2),
        ("whisper", lambda weights: {f"net.{name}": value for name, value in weights.items()}, None),
        ("ctc", without("lm_head"), 2),
        ("ctc", without("layers.0.attention.k_proj"), 2),
        ("deepspeech", without("fc2"), 2),
        ("moonshine", without("decoder.norm"), 1),
    ],
)
def test_missing_weights_are_not_made_up(name: str, change: Change, count: int | None, broken: Any) -> None:
    folder = broken(name)
    change_weights(folder, change)
    error = refused(folder)
    assert error.reason == "model_weights_missing"
    assert count in (None, error.details["count"])


@pytest.mark.parametrize(("name", "setting"), [("whisper", "d_model"), ("ctc", "hidden_size"), ("deepspeech", "hidden")])
def test_weights_of_another_size(name: str, setting: str, broken: Any) -> None:
    folder = broken(name)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, setting: settings[setting] + 16}))
    assert refused(folder).reason == "model_weights_unfit"


def test_what_is_learnt_anew_may_be_missing(broken: Any) -> None:
    folder = broken("ctc")
    change_weights(folder, without("masked_spec_embed"))
    assert load_model(str(folder)).transcribe([tone(1.0)])
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**settings, "architectures": ["Wav2Vec2ForPreTraining"]}))
    change_weights(folder, without("lm_head"))
    assert not load_model(str(folder)).writes  # type: ignore[attr-defined]


@pytest.mark.parametrize("family", ["wav2vec2", "hubert", "wavlm", "unispeech", "sew"])
def test_checkpoints_published_before_torch_2(family: str, ctc_family: Callable[[str], Path], tmp_path: Path) -> None:
    """Only pretrained, without the wrapper's prefix, with the older names of weight normalisation, in a pickle."""
    folder = Path(shutil.copytree(ctc_family(family), tmp_path / family))
    expected = load_model(str(folder)).network.base_model.state_dict()
    stored = dict(expected)
    for new, old in (("0", "g"), ("1", "v")):
        stored[f"encoder.pos_conv_embed.conv.weight_{old}"] = stored.pop(
            f"encoder.pos_conv_embed.conv.parametrizations.weight.original{new}"
        )
    stored.pop("masked_spec_embed")
    (folder / "model.safetensors").unlink()
    torch.save(stored, folder / "pytorch_model.bin")
    settings = json.loads((folder / "config.json").read_text())
    bare = settings["architectures"][0].replace("ForCTC", "Model")
    (folder / "config.json").write_text(json.dumps({**settings, "architectures": [bare]}))
    loaded = load_model(str(folder)).network.base_model.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in expected.items() if name != "masked_spec_embed")


def test_positions_that_whisper_computes_may_be_missing(broken: Any) -> None:
    folder = broken("whisper")
    name = "model.encoder.embed_positions.weight"
    expected = load_file(folder / "model.safetensors")[name]
    change_weights(folder, without(name))
    assert torch.allclose(load_model(str(folder)).network.state_dict()[name], expected, atol=1e-5)


def test_another_models_tokenizer(broken: Any, multilingual: Path, bundled: Path) -> None:
    folder = broken("whisper")
    WhisperTokenizer.from_pretrained(multilingual).save_pretrained(folder)
    assert refused(folder).reason == "model_tokenizer_unfit"
    folder = broken("multilingual")
    WhisperTokenizer.from_pretrained(bundled).save_pretrained(folder)
    assert refused(folder).reason == "model_tokenizer_unfit"


@pytest.mark.parametrize("tokens", [["<pad>", "<s>", "</s>", "<unk>", "|"], ["<pad>", *map(chr, range(0x4E00, 0x4E64))]])
def test_another_models_vocabulary(tokens: list[str], broken: Any) -> None:
    folder = broken("ctc")
    (folder / "vocab.json").write_text(json.dumps({token: i for i, token in enumerate(tokens)}))
    assert refused(folder).reason == "model_tokenizer_unfit"


def test_features_for_another_size_of_whisper(broken: Any) -> None:
    folder = broken("whisper")
    (folder / "processor_config.json").unlink()
    WhisperFeatureExtractor(feature_size=128).save_pretrained(folder)
    error = refused(folder)
    assert error.reason == "model_extractor_unfit"
    assert (error.details["given"], error.details["taken"]) == (128, 80)


@pytest.mark.parametrize("command", ["transcribe", "finetune"])
def test_the_commands_refuse_alike(command: str, broken: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = broken("ctc")
    change_weights(folder, one_is(float("nan")))
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    clip = Path(__file__).parents[4] / "assets" / "samples" / "accent" / "audio"
    rest = [str(next(clip.iterdir()))] if command == "transcribe" else ["--train", "accent", "--out", str(tmp_path / "run")]
    assert main([command, *rest, "--model", str(folder)]) == 1
    assert "contains NaN or infinity" in capsys.readouterr().err
