"""Folders that ask for more than there is: refused in a sentence, and before anything is made of what they ask for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from core.errors import ModelError
from core.models import engine
from core.models.deepspeech.model import DeepSpeech
from core.models.loading import load_model, model_family
from core.models.sources import bounds
from core.models.sources.bounds import bounded_building
from tests.conftest import CTC_FAMILIES

EVERY = ("tiny_whisper", "tiny_moonshine", "tiny_speech2text", "tiny_ctc_classifier", "tiny_whisper_classifier", *CTC_FAMILIES)


def copied(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    folder = request.getfixturevalue("ctc_family")(name) if name in CTC_FAMILIES else request.getfixturevalue(name)
    return Path(shutil.copytree(folder, tmp_path / name))


@pytest.fixture
def whisper(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return copied("tiny_whisper", request, tmp_path)


def refused(folder: Path, reason: str) -> ModelError:
    for asking in (load_model, model_family):
        with pytest.raises(ModelError) as caught:
            asking(str(folder))
        assert caught.value.reason == reason, caught.value
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


def numbers(settings: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where the numbers of some settings are, in settings within settings too."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from numbers(value, (*path, name))
        elif (isinstance(value, list) and value and isinstance(value[0], int)) or type(value) in (int, float):
            yield *path, name


def change(file: Path, path: tuple[str, ...], value: object) -> None:
    settings = json.loads(file.read_text())
    inner = settings
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = [value] if isinstance(inner.get(path[-1]), list) else value
    file.write_text(json.dumps(settings))


@pytest.mark.parametrize("name", ["tiny_deepspeech", *EVERY])
def test_no_number_gets_as_far_as_the_libraries(
    name: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*_: object, **__: object) -> None:
        raise AssertionError("a library read the settings")

    folder = copied(name, request, tmp_path)
    monkeypatch.setattr(engine.AutoConfig, "from_pretrained", reached)
    monkeypatch.setattr(DeepSpeech, "load", reached)
    seen = 0
    for file in sorted(folder.glob("*config.json")):
        if file.name == "tokenizer_config.json":  # whose largest number says that texts of any length are taken
            continue
        before = file.read_text()
        for path in (*numbers(json.loads(before)), ("num_labels",), ("num_hidden_layers",)):
            for value in (10**9, -1e300):
                file.write_text(before)
                change(file, path, value)
                with pytest.raises(ModelError) as caught:
                    load_model(str(folder))
                assert (caught.value.reason, caught.value.details["field"]) == ("model_number", path[-1])
                seen += 1
        file.write_text(before)
    assert seen > 10


@pytest.mark.parametrize("value", [-1, -3])
def test_a_size_is_not_negative(value: int, whisper: Path) -> None:
    change(whisper / "config.json", ("encoder_layers",), value)
    assert f"sets encoder_layers to {value}" in str(refused(whisper, "model_number"))


# Within the bounds of single numbers, so that it takes the whole network to see that it is too large.
LARGE = {
    **dict.fromkeys(("hidden_size", "d_model", "intermediate_size", "output_hidden_size"), 16_384),
    **dict.fromkeys(("encoder_ffn_dim", "decoder_ffn_dim", "vocab_size", "classifier_proj_size"), 1 << 24),
    **dict.fromkeys(("num_hidden_layers", "encoder_layers", "decoder_layers", "encoder_num_hidden_layers"), 200),
    **dict.fromkeys(("max_source_positions", "max_position_embeddings", "max_target_positions", "num_labels"), 10_000),
}
GIBIBYTE = 1 << 30
LOAD = """
import json, os, resource, sys
from core.errors import AttuneError
from core.models.loading import load_model
load_model(sys.argv[1])  # what the libraries take themselves
taken = 4096 * int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (taken + int(sys.argv[2]), resource.RLIM_INFINITY))
resource.setrlimit(resource.RLIMIT_CPU, (300, 300))
for folder in sys.argv[3:]:
    try:
        load_model(folder)
        print("loaded")
    except AttuneError as error:
        print(error.reason)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="bounds the memory of a process as Linux does")
def test_networks_larger_than_their_files_are_given_up_while_they_are_built(
    request: pytest.FixtureRequest, tmp_path: Path, tiny_whisper: Path
) -> None:
    folders = []
    for name in EVERY:
        folder = copied(name, request, tmp_path)
        settings = json.loads((folder / "config.json").read_text())
        for inner in (settings, settings.get("encoder_config", {})):
            inner.update({field: value for field, value in LARGE.items() if field in inner})
        (folder / "config.json").write_text(json.dumps(settings))
        folders.append(str(folder))
    command = [sys.executable, "-c", LOAD, str(tiny_whisper), str(GIBIBYTE), *folders]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.stdout.split() == ["model_larger_than_files"] * len(folders), (answer.returncode, answer.stderr[-2000:])


def test_what_does_not_fit_in_memory_is_not_built(whisper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds.memory, "available", lambda: 1e6)
    monkeypatch.setattr(bounds, "SPARE_PARAMETERS", 100_000)
    with pytest.raises(ModelError) as caught:
        load_model(str(whisper))
    assert caught.value.reason == "model_too_large"


def test_a_network_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MAX_MODULES", 1000)

    def endless() -> Iterator[nn.Module]:
        for _ in range(bounds.MAX_MODULES + 100):
            yield nn.Identity()
        raise AssertionError("it went on")

    with pytest.raises(ModelError, match="more layers than any model has"), bounded_building("x"):
        nn.ModuleList(endless())


def test_what_another_thread_builds_is_not_counted_and_nothing_is_left_behind() -> None:
    wide = [nn.Linear]

    def build() -> None:
        with torch.device("meta"):
            wide.append(nn.Linear(10_000, 10_000))

    with bounded_building("x", most=100):
        other = threading.Thread(target=build)
        other.start()
        other.join()
        with pytest.raises(ModelError, match="larger network than its files hold"):
            build()
    build()
    assert len(wide) == 3


def test_a_huge_file_of_settings_is_not_read(whisper: Path) -> None:
    for name, size in (("config.json", 1 << 30), ("tokenizer.json", 1 << 33), ("vocab.txt", 1 << 33)):
        file = whisper / name
        before = file.read_bytes() if file.exists() else None
        with file.open("ab") as grown:
            grown.truncate(size)  # it takes no room on the disk
        error = refused(whisper, "model_settings_large")
        assert (error.details["name"], error.details["megabytes"]) == (name, f"{size / 1e6:.0f}")
        file.unlink() if before is None else file.write_bytes(before)
    assert load_model(str(whisper)).family == "whisper"


@pytest.mark.parametrize("text", ['{"a":' * 100_000, '{"a": ' + "[" * 50 + "]" * 50 + "}", '{"a": ' + "9" * 5000 + "}", "[]"])
@pytest.mark.parametrize("name", ["config.json", "generation_config.json", "preprocessor_config.json"])
def test_settings_that_are_a_trap_for_readers(text: str, name: str, whisper: Path) -> None:
    (whisper / name).write_text(text)
    assert name in str(refused(whisper, "model_not_usable"))


@pytest.mark.parametrize("name", ["../secret.safetensors", "/etc/passwd", "..\\secret.bin", "\\\\host\\share\\x.bin"])
def test_an_index_names_no_weights_elsewhere(name: str, whisper: Path) -> None:
    (whisper / "model.safetensors").rename(whisper.parent / "secret.safetensors")
    index = {"metadata": {"total_size": 1 << 40}, "weight_map": {"proj_out.weight": name}}
    (whisper / "model.safetensors.index.json").write_text(json.dumps(index))
    assert "outside of the folder" in str(refused(whisper, "model_not_usable"))


def test_an_adapter_does_not_name_another_base(whisper: Path) -> None:
    (whisper / "adapter_config.json").write_text('{"base_model_name_or_path": "/etc", "peft_type": "LORA", "r": 1000000000}')
    refused(whisper, "model_with_adapter")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_not_waited_for(whisper: Path) -> None:
    (whisper / "tokenizer.json").unlink()
    os.mkfifo(whisper / "tokenizer.json")
    refused(whisper, "model_not_usable")


def test_weights_are_not_unpacked(whisper: Path) -> None:
    (whisper / "model.safetensors").unlink()
    with zipfile.ZipFile(whisper / "pytorch_model.bin", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("pytorch_model/data/0", bytes(1_000_000))
    assert "compressed" in str(refused(whisper, "model_not_usable"))


def test_the_vocabulary_is_read_from_the_folder_alone(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    folder = copied("wav2vec2", request, tmp_path)
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"<pad>": 0, "<unk>": 1, "|": 2, "s": 3}))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    names = ("vocab_file", "tokenizer_file", "special_tokens_map_file", "added_tokens_file", "merges_file", "name_or_path")
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, **dict.fromkeys(names, str(secret))}))
    assert "q" in (load_model(str(folder)).characters() or ())
    (folder / "vocab.json").unlink()
    with pytest.raises(ModelError) as caught:
        load_model(str(folder))
    assert caught.value.reason == "model_no_vocabulary"
