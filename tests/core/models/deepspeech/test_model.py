"""DeepSpeech: what it hears, its network against plain arithmetic, its alphabet, and released files."""

from __future__ import annotations

import contextlib
import json
import os
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torchaudio.models import DeepSpeech as TorchaudioDeepSpeech

from core.audio.sound_files import SAMPLE_RATE
from core.errors import DatasetError, ModelError, RecipeError
from core.models.deepspeech.mfcc import frame_count, mfcc
from core.models.deepspeech.model import ENGLISH, DeepSpeech, DeepSpeechConfig, drop_source_layers, new_network
from core.models.loading import load_model, model_family
from core.models.sources import tflite
from core.models.sources.tflite import deepspeech_folder, read_tflite
from core.storage.files import home
from tests.conftest import tone
from tests.core.models.sources.tflite_writer import Writer, acoustic_model, random_weights, serialised_alphabet, w_index

WEIGHTS = random_weights(hidden=12, labels=29)
LOUD = np.random.default_rng(0).normal(0, 0.1, 3 * SAMPLE_RATE // 2).astype(np.float32)
ROOT = Path(__file__).parents[4]
OLD_CPU = {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"}  # both are read once, as torch starts
IN_BFLOAT16 = """
import sys
import numpy as np
import torch
from safetensors.torch import save_file
from core.models.loading import load_model
from core.models.base.device import recurrent_autocast

wave = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
losses = []
for precision in ("float32", "bfloat16"):
    torch.manual_seed(0)
    model = load_model(sys.argv[1], precision=precision, device="cpu")
    loss = model.loss([model.example(wave, "one two")])
    loss.backward()
    assert all(torch.isfinite(p.grad).all() for p in model.network.parameters())
    losses.append(float(loss.detach()))
drawn = torch.get_rng_state()
with torch.autocast("cpu", torch.bfloat16):
    with recurrent_autocast(torch.device("cpu")):
        assert not torch.is_autocast_enabled("cpu")
    assert torch.is_autocast_enabled("cpu")
assert torch.equal(torch.get_rng_state(), drawn)
print(*losses)
"""


@pytest.fixture
def model(tiny_deepspeech: Path) -> DeepSpeech:
    return load_model(str(tiny_deepspeech), precision="float32")


@pytest.fixture
def birnn() -> DeepSpeech:
    torch.manual_seed(1)
    config = DeepSpeechConfig(cell="birnn", hidden=24)
    return DeepSpeech("birnn", new_network(config), config, precision="float32")


def written(tmp_path: Path, data: bytes, name: str = "model.tflite") -> Path:
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


# What it hears


def plain_mfcc(wave: np.ndarray, highest: float = 8000.0) -> np.ndarray:
    """TensorFlow's kernels written out: every bin shares its magnitude between the two channels it lies between."""
    frames = []
    for start in range(0, len(wave) - 511, 320):
        window = [0.5 - 0.5 * np.cos(2 * np.pi * n / 512) for n in range(512)]
        magnitude = np.abs(np.fft.fft(wave[start : start + 512] * window))[:257]
        low, high = (1127 * np.log(1 + f / 700) for f in (20.0, highest))
        edges = [low + (high - low) * k / 41 for k in range(42)]
        channels = [0.0] * 40
        for i in range(2, int(highest / 31.25) + 1):  # from 62.5 Hz: bins 0 and 1 are left out
            mel = 1127 * np.log(1 + i * 31.25 / 700)
            below = max(k for k in range(42) if edges[k] <= mel + 1e-9)
            if below < 41:
                share = (mel - edges[below]) / (edges[below + 1] - edges[below])
                if below < 40:
                    channels[below] += share * magnitude[i]
                if below > 0:
                    channels[below - 1] += (1 - share) * magnitude[i]
        logs = [np.log(max(c, 1e-12)) for c in channels]
        frames.append(
            [np.sqrt(2 / 40) * sum(v * np.cos(np.pi / 40 * k * (j + 0.5)) for j, v in enumerate(logs)) for k in range(26)]
        )
    return np.array(frames)


@pytest.mark.parametrize("wave", [tone(0.3), tone(0.2, 3000), LOUD[:4000], np.zeros(1000, np.float32)])
def test_mfcc_is_that_of_tensorflow_written_out_plainly(wave: np.ndarray) -> None:
    np.testing.assert_allclose(mfcc(wave).numpy(), plain_mfcc(wave), atol=1e-3)


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (511, 1), (512, 1), (831, 1), (832, 2), (16_000, 49)])
def test_only_whole_windows_count(samples: int, frames: int) -> None:
    assert frame_count(samples) == frames
    assert mfcc(LOUD[:samples]).shape == (frames, 26)


def test_a_short_sound_is_filled_up_with_silence() -> None:
    torch.testing.assert_close(mfcc(LOUD[:300]), mfcc(np.pad(LOUD[:300], (0, 212))))


def test_each_frame_sees_its_neighbours_and_zeros_beyond_the_ends(model: DeepSpeech) -> None:
    features = torch.randn(2, 30, 26)
    windows = model._windows(features)
    for frame in (0, 5, 15, 29):
        seen = [features[1, t] if 0 <= t < 30 else torch.zeros(26) for t in range(frame - 9, frame + 10)]
        torch.testing.assert_close(windows[1, frame], torch.cat(seen), rtol=0, atol=0)


# The network


def plain_network(weights: dict[str, np.ndarray], x: np.ndarray, clip: float = 20.0) -> np.ndarray:
    """Log probabilities [frames, labels] of windows [frames, inputs], with the gates written out."""

    def affine(name: str, v: np.ndarray) -> np.ndarray:
        return v @ weights[f"{name}/weights"].T + weights[f"{name}/bias"]

    def sigmoid(v: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-v))

    for name in ("layer_1", "layer_2", "layer_3"):
        x = np.minimum(np.maximum(affine(name, x), 0), clip)
    width = x.shape[1]
    cell = state = np.zeros(width)
    heard = []
    for frame in x:
        gates = affine("lstm", np.concatenate([frame, state]))
        let_in, new, keep, let_out = (gates[k * width : (k + 1) * width] for k in range(4))
        cell = sigmoid(keep) * cell + sigmoid(let_in) * np.tanh(new)
        state = sigmoid(let_out) * np.tanh(cell)
        heard.append(state)
    logits = affine("layer_6", np.minimum(np.maximum(affine("layer_5", np.array(heard)), 0), clip))
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def plain_windows(wave: np.ndarray) -> np.ndarray:
    features = np.pad(mfcc(wave).numpy(), ((9, 9), (0, 0)))
    return np.stack([features[t : t + 19].ravel() for t in range(len(features) - 18)]).astype(np.float64)


@pytest.mark.parametrize("form", ["unrolled", "basic", "full"])
@pytest.mark.parametrize("storage", ["float32", "float16", "int8", "int8 rows"])
def test_a_converted_file_computes_what_its_weights_say(storage: str, form: str, tmp_path: Path) -> None:
    data, stored = acoustic_model(WEIGHTS, storage, form)
    model = read_tflite(written(tmp_path, data))
    model.precision = "float32"
    expected = plain_network(stored, plain_windows(LOUD))
    np.testing.assert_allclose(model.log_probs(LOUD).cpu().numpy(), expected, atol=1e-4)
    assert {p.dtype for p in model.network.parameters()} == {torch.float32}


def test_storing_with_fewer_bits_changes_a_little() -> None:
    x = plain_windows(LOUD)
    exact = plain_network(WEIGHTS, x)
    for storage in ("float16", "int8", "int8 rows"):
        distance = np.abs(plain_network(acoustic_model(WEIGHTS, storage)[1], x) - exact).max()
        assert 0 < distance < 0.3


def test_both_ways_at_once_is_torchaudios_network(birnn: DeepSpeech) -> None:
    theirs = TorchaudioDeepSpeech(19 * 26, 24, 29).eval()
    theirs.load_state_dict(birnn.network.state_dict())
    windows = torch.from_numpy(plain_windows(LOUD)).float()
    with torch.no_grad():
        torch.testing.assert_close(birnn.log_probs(LOUD), theirs(windows[None, None])[0], rtol=1e-4, atol=1e-4)


def test_a_shorter_clip_in_a_batch_is_read_as_if_alone(model: DeepSpeech, birnn: DeepSpeech) -> None:
    for each in (model, birnn):
        long, short = each.example(tone(2.0), "one"), each.example(tone(0.7, 400), "two")
        with torch.no_grad():
            together, alone = each.prefix([long, short])[1], each.prefix([short])[0]
            torch.testing.assert_close(together[: len(alone)], alone, rtol=1e-4, atol=1e-5)
            mean = (each.loss([long]) + each.loss([short])) / 2
            torch.testing.assert_close(each.loss([long, short]), mean, rtol=1e-4, atol=1e-4)


def test_reading_in_blocks_changes_nothing(model: DeepSpeech, birnn: DeepSpeech, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [each.log_probs(LOUD) for each in (model, birnn)]
    monkeypatch.setattr("core.models.deepspeech.model.BLOCK_FRAMES", 7)
    for each, expected in zip((model, birnn), whole, strict=True):
        torch.testing.assert_close(each.log_probs(LOUD), expected, rtol=1e-4, atol=1e-5)


def test_a_cpu_without_a_bfloat16_lstm_computes_that_layer_in_float32(tiny_deepspeech: Path) -> None:
    """Trained in another process, which is told to do without what this CPU may have."""
    command = [sys.executable, "-W", "error", "-W", "ignore::DeprecationWarning", "-c", IN_BFLOAT16, str(tiny_deepspeech)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **OLD_CPU}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    exact, low = map(float, done.stdout.split())
    assert low == pytest.approx(exact, rel=2**-7)  # bfloat16 keeps 8 bits of a number


def test_the_loss_is_the_probability_of_all_alignments(model: DeepSpeech) -> None:
    wave = LOUD[: 512 + 2 * 320]  # 3 frames: aab abb a_b _ab ab_ write "ab"
    p = model.log_probs(wave).exp().tolist()
    a, b, blank = ENGLISH.index("a"), ENGLISH.index("b"), 28
    paths = [(a, a, b), (a, b, b), (a, blank, b), (blank, a, b), (a, b, blank)]
    total = sum(p[0][x] * p[1][y] * p[2][z] for x, y, z in paths)
    with torch.no_grad():
        assert float(model.loss([model.example(wave, "ab")])) == pytest.approx(-np.log(total) / 2, rel=1e-4)


def test_both_ways_at_once_learns_by_heart_too(birnn: DeepSpeech) -> None:
    batch = [birnn.example(tone(1.0), "one"), birnn.example(tone(1.4, 500), "two")]
    optimizer = torch.optim.Adam(birnn.network.parameters(), 3e-3)
    losses = []
    for _ in range(150):
        loss = birnn.loss(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]


# Writing


def test_repeats_and_blanks_are_left_out(model: DeepSpeech, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = "--hh-e-l-ll--l-ooo  -- wow-'"
    labels = torch.tensor([28 if c == "-" else ENGLISH.index(c) for c in frames])
    monkeypatch.setattr(model, "log_probs", lambda wave: torch.nn.functional.one_hot(labels, 29).float() - 1)
    (transcript,) = model.transcribe([LOUD])
    assert transcript.text == "helllo wow'"
    assert transcript.confidence == 0


def test_what_it_cannot_write(model: DeepSpeech) -> None:
    assert model.fit_to(["Café, don't!"], [2.0], "keep").left_out == {"é": 1, ",": 1, "!": 1}
    example = model.example(tone(2.0), "Café,  DON'T!")
    assert "".join(ENGLISH[i] for i in example.labels) == "caf don't"
    with pytest.raises(DatasetError, match="cannot write 6 of the 6 letters"):
        model.fit_to(["привет"], [2.0], "keep")
    with pytest.raises(DatasetError, match=r"do not fit 0\.3 s of sound"):
        model.example(tone(0.3), "far too many words for so little sound")
    with pytest.raises(DatasetError, match="0 characters"):
        model.example(tone(1.0), "123")


@pytest.mark.parametrize(("texts", "kind", "alphabet"), [(["Café"], "extended", ENGLISH + "é"), (["да, дом"], "new", " адмо")])
def test_its_alphabet_follows_the_texts(model: DeepSpeech, texts: list[str], kind: str, alphabet: str) -> None:
    before = model.network.out.weight.detach().clone()
    assert model.fit_to(texts, [2.0]).kind == kind
    assert model.config.alphabet == alphabet
    after = model.network.out.weight
    assert torch.equal(after[0], before[0])  # the space
    assert torch.equal(after[-1], before[-1])  # the blank
    assert len(after) == len(alphabet) + 1
    written = "".join(alphabet[i] for i in model.example(tone(2.0), texts[0]).labels)
    assert written == texts[0].lower().replace(",", "")
    model.transcribe([tone(1.0)])


def test_equal_neighbours_need_a_blank_between_them(model: DeepSpeech) -> None:
    wave = LOUD[: 512 + 3 * 320]
    assert len(model.example(wave, "abab").labels) == 4
    assert len(model.example(wave, "aab").labels) == 3
    with pytest.raises(DatasetError, match="do not fit"):
        model.example(wave, "aaa")


# The folder


@pytest.mark.parametrize("cell", ["lstm", "birnn"])
def test_a_folder_keeps_everything(cell: str, tmp_path: Path) -> None:
    config = DeepSpeechConfig(cell=cell, alphabet=" åäö", features=13, context=2, hidden=8, clip=20.0)
    model = DeepSpeech("x", new_network(config), config, precision="float32")
    model.save(tmp_path / "deep" / "er")
    again = load_model(str(tmp_path / "deep" / "er"), precision="float32")
    assert isinstance(again, DeepSpeech)
    assert again.config == config
    assert model_family(again.id) == again.family == "deepspeech"
    torch.testing.assert_close(again.log_probs(LOUD), model.log_probs(LOUD), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cell", "gru"),
        ("alphabet", ""),
        ("alphabet", "aba"),
        ("alphabet", ["a", "b"]),
        ("features", 41),
        ("features", 2.5),
        ("context", -1),
        ("hidden", 0),
        ("hidden", 10**9),
        ("clip", 0),
        ("clip", "20"),
        ("clip", float("nan")),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(field: str, value: Any, tmp_path: Path) -> None:
    fields = {"model_type": "deepspeech", "hidden": 8, field: value}
    (tmp_path / "config.json").write_text(json.dumps(fields))
    save_file({}, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=field) as caught:
        load_model(str(tmp_path))
    assert caught.value.reason in ("deepspeech_config", "model_number")


def test_torchaudios_network_has_one_clip() -> None:
    with pytest.raises(ModelError, match="clip"):
        DeepSpeechConfig(cell="birnn", clip=6.0)


def test_weights_of_another_shape_are_refused(tiny_deepspeech: Path, tmp_path: Path) -> None:
    fields = json.loads((tiny_deepspeech / "config.json").read_text())
    (tmp_path / "model.safetensors").write_bytes((tiny_deepspeech / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(fields | {"hidden": 60_000}))  # never allocated
    with pytest.raises(ModelError) as caught:
        load_model(str(tmp_path))
    assert caught.value.reason == "model_larger_than_files"
    (tmp_path / "config.json").write_text(json.dumps(fields | {"hidden": 60}))
    with pytest.raises(ModelError) as caught:
        load_model(str(tmp_path))
    assert caught.value.reason == "model_weights_unfit"


# Transfer learning


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_dropping_layers_keeps_the_rest(model: DeepSpeech, birnn: DeepSpeech, n: int) -> None:
    for each, rnn in ((model, "rnn"), (birnn, "bi_rnn")):
        before = {name: value.clone() for name, value in each.network.state_dict().items()}
        dropped = drop_source_layers(each, n, "abc")
        gone = ["fc2", "fc3", rnn, "fc4", "out"][5 - n :]
        for name, value in dropped.network.state_dict().items():
            layer = name.split(".")[0]
            same = before[name].shape == value.shape and torch.equal(before[name], value)
            assert same == (layer not in gone), name
            if layer in gone and value.dim() == 1:
                assert not value.any(), name
            elif layer in gone:
                limit = np.sqrt(6 / ((2 * each.config.hidden if layer == rnn else value.shape[1]) + len(value)))
                assert 0.5 * limit < float(value.abs().max()) <= limit, name
        assert (dropped.config.alphabet, each.config.alphabet) == ("abc", ENGLISH)
        assert dropped.log_probs(LOUD).shape == (len(each.log_probs(LOUD)), 4)
        assert all(torch.equal(value, before[name]) for name, value in each.network.state_dict().items())


def test_what_cannot_be_dropped(model: DeepSpeech) -> None:
    for n in (0, 6):
        with pytest.raises(RecipeError, match="between 1 and 5"):
            drop_source_layers(model, n, "abc")
    with pytest.raises(ModelError, match="alphabet"):
        drop_source_layers(model, 1, "aa")


# Released files


def test_a_file_is_loaded_by_its_path_and_converted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights = random_weights(12, 6, seed=3)
    path = written(tmp_path, acoustic_model(weights, "int8", alphabet=serialised_alphabet(" aåçя"))[0])
    model = load_model(str(path), precision="float32")
    assert (model.id, model.family, model_family(str(path))) == (str(path), "deepspeech", "deepspeech")
    assert model.config == DeepSpeechConfig(alphabet=" aåçя", hidden=12)
    folder = deepspeech_folder(path)
    assert folder.parent == home() / "models"
    assert "not on a\nreleased model" in (folder / "README.md").read_text()
    monkeypatch.setattr(tflite, "read_tflite", None)
    assert deepspeech_folder(path) == folder
    assert not [p for p in folder.parent.iterdir() if p.name.startswith(".deepspeech")]


def test_a_file_without_an_alphabet_writes_english(tmp_path: Path) -> None:
    assert read_tflite(written(tmp_path, acoustic_model(WEIGHTS)[0])).config.alphabet == ENGLISH


def without_input(w: Writer) -> None:
    w.tensors[0] = ("input", *w.tensors[0][1:])


def with_normalisation(w: Writer) -> None:
    w.run("RSQRT", [0], [w.tensor("normal", (1,))])


def with_flex(w: Writer) -> None:
    w.run("FlexBlockLSTM", [0], [w.tensor("flex", (1,))])


def with_forget_bias(w: Writer) -> None:
    w.run("ADD", [0, w.constant("forget_bias", np.float32([1.0]))], [w.tensor("forget", (1,))])


def without_bias(w: Writer) -> None:
    code, inputs, *rest = next(row for row in w.operators if row[0] == "FULLY_CONNECTED")
    w.operators = [(code, [*inputs[:2], -1], *rest), *w.operators]


def without_a_layer(w: Writer) -> None:
    w.operators = [row for row in w.operators if row[1][1:2] != [w_index(w, "layer_2/weights")]]


def with_computed_weights(w: Writer) -> None:
    i = w_index(w, "layer_2/weights")
    w.tensors[i] = (*w.tensors[i][:3], b"", *w.tensors[i][4:])


def with_infinite_weights(w: Writer) -> None:
    i = w_index(w, "layer_5/bias")
    w.tensors[i] = (*w.tensors[i][:3], np.full(12, np.inf, np.float32).tobytes(), *w.tensors[i][4:])


def with_another_clip(w: Writer) -> None:
    w.run("MINIMUM", [0, w.constant("six", np.float32(6).reshape(()))], [w.tensor("clipped", (1,))])


def with_a_short_input(w: Writer) -> None:
    w.tensors[0] = ("input_node", (1, 3, 17, 26), *w.tensors[0][2:])


def with_a_peephole(w: Writer) -> None:
    i = next(i for i, row in enumerate(w.operators) if row[0] == "LSTM")
    code, inputs, *rest = w.operators[i]
    w.operators[i] = (code, [*inputs[:9], w_index(w, "bias_0"), *inputs[10:]], *rest)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"change": without_input}, "no tensor input_node"),
        ({"change": with_a_short_input}, "layer_1 of 494 inputs where input_node has 442"),
        ({"change": with_normalisation}, "an operator RSQRT"),
        ({"change": with_flex}, "an operator FlexBlockLSTM"),
        ({"change": with_forget_bias}, "a constant that is added outside a layer"),
        ({"change": without_bias}, "a layer without a bias"),
        ({"change": without_a_layer}, "5 layers instead of 6"),
        ({"change": with_computed_weights}, "a FULLY_CONNECTED whose weights are no constants"),
        ({"change": with_infinite_weights}, "layer_5 with values that are no numbers"),
        ({"change": with_another_clip}, "2 bounds of activations instead of 1"),
        ({"change": with_a_peephole, "form": "full"}, "an LSTM with peepholes"),
        ({"rate": 8000}, r"metadata_sample_rate \[8000\] instead of \[16000\]"),
        ({"highest": 4000.0}, "features up to 4000 Hz instead of 8000"),
        ({"alphabet": serialised_alphabet("abc")}, "an alphabet of 3 labels that are not 28 different"),
        ({"alphabet": serialised_alphabet("a" * 28)}, "an alphabet of 28 labels"),
        ({"weights": random_weights(12, 5)}, "no metadata_alphabet for its 4 characters"),
        ({"weights": WEIGHTS | {"layer_3/weights": np.zeros((12, 11), np.float32)}}, r"layer_3 of shape \[12, 11\]"),
    ],
)
def test_another_graph_is_refused_with_its_reason(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    path = written(tmp_path, acoustic_model(settings.pop("weights", WEIGHTS), **settings)[0])
    with pytest.raises(ModelError, match=message) as caught:
        load_model(str(path))
    assert caught.value.reason == "tflite_unexpected"


def reshaped(w: Writer) -> None:
    i = w_index(w, "layer_2/weights")
    w.tensors[i] = (w.tensors[i][0], (2**31 - 1, 2**31 - 1), *w.tensors[i][2:])


def scaled(w: Writer) -> None:
    i = w_index(w, "layer_2/weights")
    w.tensors[i] = (*w.tensors[i][:4], [0.1, 0.2, 0.3], 0)


def pointing_nowhere(w: Writer) -> None:
    code, _, *rest = w.operators[-1]
    w.operators.append((code, [9999], *rest))
    w.operators.append(("MINIMUM", [9999, 9999], *rest))


def crowded(w: Writer) -> None:
    w.operators.append(("CONCATENATION", [0] * 10_001, [0], {}))


@pytest.mark.parametrize(
    "change",
    [
        lambda data: b"",
        lambda data: b"RIFF" + data,
        lambda data: data[:200],
        lambda data: data[:4] + b"TFL9" + data[8:],
        lambda data: struct.pack("<I", 2**31) + data[4:],
        lambda data: acoustic_model(WEIGHTS, change=reshaped)[0],
        lambda data: acoustic_model(WEIGHTS, change=scaled)[0],
        lambda data: acoustic_model(WEIGHTS, change=pointing_nowhere)[0],
        lambda data: acoustic_model(WEIGHTS, change=crowded)[0],
        lambda data: acoustic_model(WEIGHTS, alphabet=b"\xff\xff\0\0")[0],
    ],
)
def test_a_damaged_file_is_refused(change: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = written(tmp_path, change(acoustic_model(WEIGHTS)[0]))
    with pytest.raises(ModelError, match="is not a TensorFlow Lite model, or it is damaged") as caught:
        load_model(str(path))
    assert caught.value.reason == "tflite_format"


def test_no_damage_gets_past_the_reader(tmp_path: Path) -> None:
    data = acoustic_model(WEIGHTS, "int8", alphabet=serialised_alphabet(ENGLISH))[0]
    draw = random.Random(0)
    for turn in range(300):
        broken = bytearray(data)
        if turn % 3 == 0:
            del broken[draw.randrange(len(broken)) :]
        else:
            for _ in range(draw.choice([1, 4, 40])):
                broken[draw.randrange(len(broken))] = draw.choice([0, 1, 0x7F, 0x80, 0xFF, draw.randrange(256)])
        with contextlib.suppress(ModelError):  # a changed weight is read; nothing else may be raised, and nothing hang
            read_tflite(written(tmp_path, bytes(broken)))


def test_a_huge_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tflite, "MAX_BYTES", 1000)
    with pytest.raises(ModelError, match="it is larger than") as caught:
        load_model(str(written(tmp_path, acoustic_model(WEIGHTS)[0])))
    assert caught.value.reason == "tflite_format"


def test_without_the_package_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, acoustic_model(random_weights(12, 29, seed=9))[0])
    monkeypatch.setitem(sys.modules, "tflite", None)
    with pytest.raises(ModelError, match="pip install tflite") as caught:
        load_model(str(path))
    assert caught.value.reason == "tflite_missing"
