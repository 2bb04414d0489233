"""Fetching from a hub: what is loaded and no more, shown, stopped, resumed, checked, and refused before it begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.constants
import pytest
import torch

from core.cli.main import main
from core.errors import ModelError
from core.models.loading import announced_by_hub, fetch_model, is_here, load_model
from core.models.sources import hub as fetching
from core.models.sources.hub import loaded_files
from core.storage import memory
from tests.conftest import tone
from tests.core.models.sources.file_server import ModelHub

ID = "somebody/some-model"
NOISE = {"README.md": b"# words", "flax_model.msgpack": b"x" * 999, "tf_model.h5": b"x" * 999, "onnx/model.onnx": b"x" * 999}


@pytest.fixture
def hub(tiny_whisper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelHub]:
    """The random Whisper in a hub whose every file counts as large, and an empty cache."""
    monkeypatch.setattr(fetching, "LARGE_BYTES", 100_000)
    monkeypatch.setattr(fetching, "BLOCK_BYTES", 100_000)
    hub = ModelHub(ID, {**{path.name: path.read_bytes() for path in tiny_whisper.iterdir()}, **NOISE})
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
    template = f"{hub.address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield hub
    hub.close()


def wanted(hub: ModelHub) -> int:
    return sum(len(content) for name, content in hub.files.items() if name not in NOISE)


@pytest.mark.parametrize(
    ("weights", "chosen"),
    [
        (["model.safetensors", "pytorch_model.bin"], ["model.safetensors"]),
        (["pytorch_model.bin", "model.fp16.safetensors", "training_args.bin"], ["pytorch_model.bin"]),
        (
            ["model.safetensors.index.json", "model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors"],
            ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json"],
        ),
        (
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin", "model.safetensors"],
            ["model.safetensors"],
        ),
        (["tf_model.h5", "onnx/model.onnx", "flax_model.msgpack", "model.onnx"], []),
    ],
)
def test_one_form_of_the_weights_is_loaded_and_comes_last(weights: list[str], chosen: list[str]) -> None:
    sizes = dict.fromkeys([*weights, "vocab.txt", "config.json", "README.md", ".gitattributes", "language_model/x.txt"], 1)
    assert list(loaded_files(sizes)) == ["config.json", "vocab.txt", *chosen]


def test_a_model_is_fetched_and_loads(hub: ModelHub) -> None:
    assert not is_here(ID)
    assert announced_by_hub(ID).bytes == wanted(hub)
    seen: list[tuple[int, int]] = []
    folder = Path(fetch_model(ID, lambda done, total: seen.append((done, total))))
    assert seen[0] == (0, wanted(hub))
    assert seen[-1] == (wanted(hub), wanted(hub))
    assert seen == sorted(seen)
    assert {path.name for path in folder.iterdir()} == set(hub.files) - set(NOISE)
    assert is_here(ID)
    assert announced_by_hub(ID) is None
    hub.asked.clear()
    assert load_model(ID).family == "whisper"
    assert hub.asked == []


def test_loading_fetches_what_fetching_does(hub: ModelHub) -> None:
    assert load_model(ID).id == ID
    assert not {file for _, file, _ in hub.asked} & set(NOISE)


def test_a_stopped_fetch_goes_on_where_it_was(hub: ModelHub) -> None:
    weights = len(hub.files["model.safetensors"])
    seen = [0]

    def stops(kept: int) -> ModelError:
        with pytest.raises(ModelError, match="The downloaded part is kept") as caught:
            fetch_model(ID, lambda done, total: seen.append(done), lambda: seen[-1] >= kept)
        return caught.value

    assert stops(wanted(hub) - weights + 150_000).reason == "fetch_stopped"
    assert not is_here(ID)
    assert hub.fetched("model.safetensors") == ["bytes=0-"]
    fetch_model(ID)
    resumed = hub.fetched("model.safetensors")[1]
    assert int(resumed.removeprefix("bytes=").rstrip("-")) >= 150_000
    assert load_model(ID).family == "whisper"
    assert not list(Path(huggingface_hub.constants.HF_HUB_CACHE).rglob("*.incomplete"))


def test_a_broken_connection_is_made_anew(hub: ModelHub) -> None:
    hub.cut = 120_000
    fetch_model(ID)
    assert hub.fetched("model.safetensors") == ["bytes=0-", "bytes=100000-"]  # what was whole of a block is kept
    assert load_model(ID).family == "whisper"


def test_a_hub_without_ranges_sends_it_again(hub: ModelHub) -> None:
    calls: list[int] = []
    with pytest.raises(ModelError, match="stopped"):
        fetch_model(ID, lambda done, total: calls.append(done), lambda: calls[-1] > wanted(hub) - 200_000)
    hub.ranges = False
    fetch_model(ID)
    assert load_model(ID).family == "whisper"


def test_a_hub_that_breaks_off_every_time_is_unreachable(hub: ModelHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "ATTEMPTS", 2)
    hub.cut, hub.ranges = 1, False
    with pytest.raises(ModelError, match="could not be fetched") as caught:
        fetch_model(ID)
    assert caught.value.reason == "model_unreachable"


def test_damaged_weights_are_thrown_away(hub: ModelHub) -> None:
    hub.spoil = fetching.LARGE_BYTES
    with pytest.raises(ModelError, match="was damaged during the download") as caught:
        fetch_model(ID)
    assert caught.value.reason == "fetch_damaged"
    hub.spoil = 0
    fetch_model(ID)
    assert load_model(ID).family == "whisper"


def test_what_does_not_fit_in_memory_is_not_fetched(hub: ModelHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "available", lambda: 0.5e9)
    for bring in (fetch_model, load_model):
        with pytest.raises(ModelError, match=r"needs about 1\.0 GB of memory, and 0\.5 GB is free") as caught:
            bring(ID)
        assert caught.value.reason == "model_too_large"
        assert (caught.value.details["needed"], caught.value.details["available"]) == ("1.0", "0.5")
    assert hub.asked == []


def test_a_repository_without_weights_is_no_model(hub: ModelHub) -> None:
    del hub.files["model.safetensors"]
    with pytest.raises(ModelError, match="its configuration or its weights are missing") as caught:
        fetch_model(ID)
    assert caught.value.reason == "model_not_usable"


def test_available_memory_is_plausible() -> None:
    assert 1e8 < memory.available() < 1e14


def test_a_containers_limit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "CGROUP", tmp_path)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=8_000_000 * 1024))
    assert memory.available() == 8_000_000 * 1024
    (tmp_path / "memory.current").write_text("3000000\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 500000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() == 8_000_000 * 1024
    (tmp_path / "memory.max").write_text("4000000\n")
    assert memory.available() == 1_500_000


def test_the_command_line_fetches(hub: ModelHub, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "--fetch", ID, "--json"]) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["id"] == ID
    assert (Path(told["path"]) / "config.json").is_file()
    megabytes = f"{wanted(hub) / 1e6:.0f}"
    assert f"fetching {ID}: {megabytes} of {megabytes} MB" in captured.err


def test_an_interrupt_stops_the_command_line(hub: ModelHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("core.cli.models._fetch_progress", lambda id: interrupted)
    assert main(["models", "--fetch", ID]) == 130


def test_a_mirror_and_offline_mode_are_named_by_the_environment(hub: ModelHub, tmp_path: Path) -> None:
    def attune(**environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "core", "models", "--fetch", ID]
        given = {**os.environ, "HF_HOME": str(tmp_path / "elsewhere"), "HF_HUB_DISABLE_TELEMETRY": "1", **environment}
        return subprocess.run(command, capture_output=True, text=True, check=False, env=given)

    refused = attune(HF_ENDPOINT=hub.address, HF_HUB_OFFLINE="1")
    assert (refused.returncode, hub.asked) == (1, [])
    assert "could not be fetched" in refused.stderr
    fetched = attune(HF_ENDPOINT=hub.address)
    assert fetched.returncode == 0, fetched.stderr
    assert Path(fetched.stdout.strip()).is_relative_to(tmp_path / "elsewhere")
    assert attune(HF_ENDPOINT="http://127.0.0.1:9", HF_HUB_OFFLINE="1").stdout == fetched.stdout


def test_a_languages_adapters_are_fetched_when_it_is_asked_for(hub: ModelHub, tiny_mms: Path) -> None:
    hub.files = {path.name: path.read_bytes() for path in tiny_mms.iterdir()}
    fetch_model(ID)
    assert not [file for _, file, _ in hub.asked if file.startswith("adapter.")]
    hub.asked.clear()
    adapted = load_model(ID, language="ru")
    assert {file for _, file, _ in hub.asked} == {"adapter.rus.safetensors"}
    local = load_model(str(tiny_mms), language="ru")
    assert torch.equal(adapted.network.lm_head.weight, local.network.lm_head.weight)
    hub.close()
    assert load_model(ID, language="ru").transcribe([tone(0.5)]) == adapted.transcribe([tone(0.5)])
    with pytest.raises(ModelError, match="could not be fetched") as caught:
        load_model(ID, language="en")
    assert caught.value.reason == "model_unreachable"
