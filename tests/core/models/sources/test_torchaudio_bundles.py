"""torchaudio's bundles: the same numbers as torchaudio, from random weights in place of the fetched ones."""

from __future__ import annotations

import builtins
import http.client
import urllib.error
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import numpy as np
import pytest
import torch
from torchaudio import pipelines
from torchaudio.models import wav2vec2_model
from torchaudio.pipelines._wav2vec2 import utils
from transformers import AutoFeatureExtractor, AutoModel, AutoModelForCTC, AutoTokenizer

from core.audio.sound_files import SAMPLE_RATE
from core.errors import ModelError
from core.models.loading import load_model, model_family
from core.models.sources.torchaudio_bundles import torchaudio_folder
from tests.conftest import tone
from tests.core.models.sources.tiny_bundles import LABELS, TINY, install


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[dict[str, Any]]:
    """Tiny bundles in torchaudio, an empty home, and the options of each fetch."""
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    return install(monkeypatch)


@pytest.mark.parametrize("name", TINY)
@torch.no_grad()
def test_the_outputs_are_torchaudios(name: str, fetches: list[dict[str, Any]]) -> None:
    folder = torchaudio_folder(f"torchaudio:{name}")
    wave = 30 * tone(0.3)  # loud, so that the small numbers that keep the two normalisations from 1/0 do not matter
    clip = AutoFeatureExtractor.from_pretrained(folder)(wave, sampling_rate=SAMPLE_RATE, return_tensors="pt").input_values
    kind = AutoModelForCTC if TINY[name][2] else AutoModel
    network = kind.from_pretrained(folder).eval()
    expected = getattr(pipelines, name).get_model()(torch.from_numpy(wave)[None])[0]
    assert expected.std(1).min() > 0.01, "the sound reaches the output"
    np.testing.assert_allclose(network(clip)[0].numpy(), expected.numpy(), atol=1e-4, rtol=0)
    assert network.config.model_type == name.split("_")[0].lower()
    assert (network.config.attention_dropout, network.config.hidden_dropout, network.config.layerdrop) == (0.2, 0.3, 0.05)


def test_it_is_fetched_once_and_no_pickle_is_trusted(fetches: list[dict[str, Any]]) -> None:
    folder = torchaudio_folder("torchaudio:WAV2VEC2_TINY")
    assert torchaudio_folder("torchaudio:WAV2VEC2_TINY") == folder
    assert fetches == [{"weights_only": True}]


def test_offline_mode_fetches_nothing(fetches: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = torchaudio_folder("torchaudio:WAV2VEC2_TINY")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert torchaudio_folder("torchaudio:WAV2VEC2_TINY") == folder
    with pytest.raises(ModelError, match="not downloaded yet") as caught:
        torchaudio_folder("torchaudio:HUBERT_TINY")
    assert caught.value.reason == "model_unreachable"
    assert len(fetches) == 1


def test_a_recogniser_is_a_model_by_its_name(fetches: list[dict[str, Any]]) -> None:
    id = "torchaudio:HUBERT_ASR_TINY"
    model = load_model(id)
    assert (model.id, model.family, model_family(id)) == (id, "ctc", "ctc")
    assert model.fit_to(["a tea x"], [0.5], "keep").left_out == {"X": 1}
    example = model.example(tone(0.5), "a tea x")
    assert example.labels.tolist() == [4, 1, 3, 2, 4]
    assert torch.isfinite(model.loss([example]))
    assert model.transcribe([tone(0.5)])[0].confidence < 0


def test_the_labels_are_torchaudios(fetches: list[dict[str, Any]]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(torchaudio_folder("torchaudio:WAV2VEC2_ASR_TINY"))
    assert tokenizer.convert_ids_to_tokens(range(6)) == ["<pad>", *LABELS]
    assert (tokenizer.pad_token_id, len(tokenizer)) == (0, 6)
    assert tokenizer.decode([3, 3, 2, 0, 2, 1, 4]) == "TEE A"


def test_an_encoder_alone_writes_nothing(fetches: list[dict[str, Any]]) -> None:
    assert [transcript.text for transcript in load_model("torchaudio:HUBERT_TINY").transcribe([tone(0.5)])] == [""]


@pytest.mark.parametrize(
    "name", ["", "NO_SUCH", "WAVLM_BASE", "MMS_FA", "TACOTRON2_WAVERNN_CHAR_LJSPEECH", "utils", "../x", "a b"]
)
def test_names_that_are_no_such_bundle(name: str) -> None:
    with pytest.raises(ModelError, match="torchaudio has no wav2vec 2.0 or HuBERT called") as caught:
        load_model(f"torchaudio:{name}")
    assert (caught.value.reason, caught.value.details) == ("torchaudio_unknown", {"id": f"torchaudio:{name}"})


@pytest.mark.parametrize(
    "error",
    [
        urllib.error.URLError("no route"),
        urllib.error.HTTPError("https://x", 503, "busy", http.client.HTTPMessage(), None),
        ConnectionResetError(),
        TimeoutError(),
        http.client.IncompleteRead(b""),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_server_that_does_not_answer(
    error: Exception, fetches: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(url: str, **options: Any) -> None:
        raise error

    monkeypatch.setattr(utils, "load_state_dict_from_url", fail)
    with pytest.raises(ModelError, match="not downloaded yet, and torchaudio's server did not answer") as caught:
        load_model("torchaudio:WAV2VEC2_ASR_TINY")
    assert caught.value.reason == "model_unreachable"
    assert list((tmp_path / "home" / "models").iterdir()) == []


def test_without_torchaudio(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_torchaudio(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("torchaudio"):
            raise OSError("libc10_cuda.so: cannot open shared object file")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", no_torchaudio)
    with pytest.raises(ModelError, match="does not fit torch") as caught:
        torchaudio_folder("torchaudio:HUBERT_BASE")
    assert caught.value.reason == "model_package_missing"


@pytest.mark.parametrize("name", [n for n in dir(pipelines) if n.startswith(("WAV2VEC2_", "HUBERT_", "VOXPOPULI_"))])
def test_every_bundle_that_torchaudio_lists_has_a_place_for_its_weights(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """By name and shape alone: the networks and their weights are on the meta device."""
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    written = []
    bundle = getattr(pipelines, name)

    def write(folder: Path, config: Any, state: dict[str, torch.Tensor], normalise: bool, labels: Any) -> None:
        written.append((config, state, normalise, labels))
        (folder / "config.json").touch()

    def empty(*_: Any, **__: Any) -> Any:
        with torch.device("meta"):
            model = wav2vec2_model(**bundle._params)
        return utils._extend_model(model, normalize_waveform=True) if bundle._normalize_waveform else model

    monkeypatch.setattr("core.models.sources.torchaudio_bundles.write_folder", write)
    monkeypatch.setattr(type(bundle), "get_model", empty)
    torchaudio_folder(f"torchaudio:{name}")
    ((config, state, normalise, labels),) = written
    with torch.device("meta"):
        shapes = {n: t.shape for n, t in AutoModel.from_config(config).state_dict().items()}
    assert {n: t.shape for n, t in state.items() if not n.startswith("lm_head.")} == shapes
    assert normalise == bundle._normalize_waveform
    assert ("lm_head.weight" in state) == (labels is not None)
    assert labels is None or (len(labels) == len(state["lm_head.bias"]) and "|" in labels)
