"""Weight files that are pointers, cut short or not all there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.errors import ModelError
from core.models.loading import load_model

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n".encode()


def refused(path: Path) -> ModelError:
    with pytest.raises(ModelError) as caught:
        load_model(str(path))
    return caught.value


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(request.getfixturevalue(f"tiny_{name}"), tmp_path / name))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("whisper", "model.safetensors"),
        ("whisper", "pytorch_model.bin"),
        ("whisper", "tokenizer.json"),
        ("whisper", "config.json"),
        ("ctc", "model.safetensors"),
        ("ctc", "vocab.json"),
        ("deepspeech", "model.safetensors"),
    ],
)
def test_a_pointer_of_git_lfs(name: str, file: str, folder: Callable[[str], Path]) -> None:
    path = folder(name)
    (path / file).write_bytes(POINTER)
    error = refused(path)
    assert (error.reason, error.details["name"]) == ("model_lfs", file)
    assert "Run git lfs pull" in str(error)


@pytest.mark.parametrize("name", ["checkpoint.pt", "model.tflite"])
def test_a_pointer_instead_of_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(POINTER)
    error = refused(tmp_path / name)
    assert (error.reason, error.details["name"]) == ("model_lfs", name)


@pytest.mark.parametrize("length", [0, 4, 100, 5_000, -1])
@pytest.mark.parametrize("name", ["whisper", "ctc", "deepspeech"])
def test_weights_that_are_cut_short(name: str, length: int, folder: Callable[[str], Path]) -> None:
    weights = folder(name) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:length])
    error = refused(weights.parent)
    assert (error.reason, error.details["name"]) == ("model_weights_damaged", "model.safetensors")


def test_a_header_that_claims_too_much(folder: Callable[[str], Path]) -> None:
    weights = folder("ctc") / "model.safetensors"
    weights.write_bytes((1 << 62).to_bytes(8, "little") + weights.read_bytes()[8:])
    assert refused(weights.parent).reason == "model_weights_damaged"


@pytest.mark.parametrize("length", [0, 3_000, -100])
def test_torch_files_that_are_cut_short(length: int, folder: Callable[[str], Path]) -> None:
    weights = folder("ctc") / "pytorch_model.bin"
    torch.save(load_file(weights.parent / "model.safetensors"), weights)
    (weights.parent / "model.safetensors").unlink()
    assert load_model(str(weights.parent)).family == "ctc"
    weights.write_bytes(weights.read_bytes()[:length])
    assert refused(weights.parent).reason == "model_weights_damaged"


def test_shards(folder: Callable[[str], Path]) -> None:
    path = folder("ctc")
    network = load_model(str(path)).network
    whole = network.state_dict()
    (path / "model.safetensors").unlink()
    network.half().save_pretrained(path, max_shard_size="60KB")
    loaded = load_model(str(path)).network.state_dict()
    assert all(torch.equal(whole[name].half().float(), value) for name, value in loaded.items())
    second = sorted(path.glob("model-*.safetensors"))[1]
    second.rename(path / "elsewhere.safetensors")
    error = refused(path)
    assert (error.reason, error.details["name"]) == ("model_weights_part", second.name)
    second.write_bytes(POINTER)
    assert refused(path).reason == "model_lfs"
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": "none"}))
    second.unlink()
    assert refused(path).reason == "model_weights_part"
