"""Writes a small .tflite acoustic model in the image of DeepSpeech 0.9's export, for the tests of its reader."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
import tflite
from flatbuffers import flexbuffers

TYPES = {"float32": 0, "float16": 1, "int32": 2, "uint8": 3, "string": 5, "int8": 9}  # TensorType in the schema
STEPS = 3


@dataclass
class Writer:
    """Tensors and operators of one subgraph."""

    tensors: list[tuple] = field(default_factory=list)
    operators: list[tuple] = field(default_factory=list)

    def tensor(
        self, name: str, shape: tuple, type: str = "float32", data: bytes = b"", scale: Any = None, axis: int = 0
    ) -> int:
        self.tensors.append((name, shape, TYPES[type], data, scale, axis))
        return len(self.tensors) - 1

    def constant(self, name: str, value: np.ndarray) -> int:
        return self.tensor(name, value.shape, str(value.dtype), value.tobytes())

    def run(self, code: str, inputs: list[int], outputs: list[int], **options: Any) -> int:
        self.operators.append((code, inputs, outputs, options))
        return outputs[0]

    def to_bytes(self, inputs: list[int], outputs: list[int]) -> bytes:
        b = flatbuffers.Builder(1024)
        codes = sorted({code for code, *_ in self.operators})
        listed = [self._code(b, code) for code in codes]
        buffers = [self._buffer(b, b"")] + [self._buffer(b, data) for *_, data, _, _ in self.tensors]
        tensors = [self._tensor(b, i, *row) for i, row in enumerate(self.tensors)]
        operators = [self._operator(b, codes.index(row[0]), *row) for row in self.operators]
        parts = [_offsets(b, tensors), _numbers(b, inputs), _numbers(b, outputs), _offsets(b, operators)]
        tflite.SubGraphStart(b)
        for add, part in zip(
            (tflite.SubGraphAddTensors, tflite.SubGraphAddInputs, tflite.SubGraphAddOutputs, tflite.SubGraphAddOperators),
            parts,
            strict=True,
        ):
            add(b, part)
        graph = tflite.SubGraphEnd(b)
        parts = [_offsets(b, listed), _offsets(b, [graph]), _offsets(b, buffers)]
        tflite.ModelStart(b)
        tflite.ModelAddVersion(b, 3)
        tflite.ModelAddOperatorCodes(b, parts[0])
        tflite.ModelAddSubgraphs(b, parts[1])
        tflite.ModelAddBuffers(b, parts[2])
        b.Finish(tflite.ModelEnd(b), b"TFL3")
        return bytes(b.Output())

    def _code(self, b: flatbuffers.Builder, code: str) -> int:
        number = getattr(tflite.BuiltinOperator, code, tflite.BuiltinOperator.CUSTOM)
        custom = b.CreateString(code) if number == tflite.BuiltinOperator.CUSTOM else None
        tflite.OperatorCodeStart(b)
        tflite.OperatorCodeAddDeprecatedBuiltinCode(b, min(number, 127))
        tflite.OperatorCodeAddBuiltinCode(b, number)
        tflite.OperatorCodeAddVersion(b, {"FULLY_CONNECTED": 3}.get(code, 1))
        if custom is not None:
            tflite.OperatorCodeAddCustomCode(b, custom)
        return tflite.OperatorCodeEnd(b)

    def _buffer(self, b: flatbuffers.Builder, data: bytes) -> int:
        stored = None
        if data:
            b.StartVector(1, len(data), 16)
            b.head -= len(data)
            b.Bytes[b.head : b.head + len(data)] = data
            stored = b.EndVector()
        tflite.BufferStart(b)
        if stored is not None:
            tflite.BufferAddData(b, stored)
        return tflite.BufferEnd(b)

    def _tensor(
        self, b: flatbuffers.Builder, i: int, name: str, shape: tuple, type: int, data: bytes, scale: Any, axis: int
    ) -> int:
        called, dims, scaling = b.CreateString(name), _numbers(b, shape), None
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            values, zeros = b.CreateNumpyVector(scales), b.CreateNumpyVector(np.zeros(len(scales), np.int64))
            tflite.QuantizationParametersStart(b)
            tflite.QuantizationParametersAddScale(b, values)
            tflite.QuantizationParametersAddZeroPoint(b, zeros)
            tflite.QuantizationParametersAddQuantizedDimension(b, axis)
            scaling = tflite.QuantizationParametersEnd(b)
        tflite.TensorStart(b)
        tflite.TensorAddName(b, called)
        tflite.TensorAddShape(b, dims)
        tflite.TensorAddType(b, type)
        tflite.TensorAddBuffer(b, i + 1 if data else 0)
        tflite.TensorAddIsVariable(b, name.startswith("variable_"))
        if scaling is not None:
            tflite.TensorAddQuantization(b, scaling)
        return tflite.TensorEnd(b)

    def _operator(self, b: flatbuffers.Builder, index: int, code: str, inputs: list, outputs: list, options: dict) -> int:
        parts = _numbers(b, inputs), _numbers(b, outputs)
        name = {"FULLY_CONNECTED": "FullyConnected", "SPLIT": "Split", "SOFTMAX": "Softmax", "LSTM": "LSTM"}.get(code)
        name = {"ADD": "Add", "MUL": "Mul", "CONCATENATION": "Concatenation"}.get(code, name)
        built, custom = None, None
        if name is not None:
            getattr(tflite, f"{name}OptionsStart")(b)
            for key, value in options.items():
                getattr(tflite, f"{name}OptionsAdd{key}")(b, value)
            built = getattr(tflite, f"{name}OptionsEnd")(b)
        elif options:
            custom = b.CreateByteVector(bytes(flexbuffers.Dumps(options)))
        tflite.OperatorStart(b)
        tflite.OperatorAddOpcodeIndex(b, index)
        tflite.OperatorAddInputs(b, parts[0])
        tflite.OperatorAddOutputs(b, parts[1])
        if built is not None:
            tflite.OperatorAddBuiltinOptionsType(b, getattr(tflite.BuiltinOptions, f"{name}Options"))
            tflite.OperatorAddBuiltinOptions(b, built)
        if custom is not None:
            tflite.OperatorAddCustomOptions(b, custom)
        return tflite.OperatorEnd(b)


def _numbers(b: flatbuffers.Builder, values: Any) -> int:
    return b.CreateNumpyVector(np.asarray(values, np.int32))


def _offsets(b: flatbuffers.Builder, values: list[int]) -> int:
    b.StartVector(4, len(values), 4)
    for value in reversed(values):
        b.PrependUOffsetTRelative(value)
    return b.EndVector()


def random_weights(hidden: int, labels: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights [outputs, inputs] and biases by their names in DeepSpeech's checkpoints; the LSTM's gates i, c, f, o."""
    sizes = {
        "layer_1": (hidden, 19 * 26),
        "layer_2": (hidden, hidden),
        "layer_3": (hidden, hidden),
        "lstm": (4 * hidden, 2 * hidden),
        "layer_5": (hidden, hidden),
        "layer_6": (labels, hidden),
    }
    draw = np.random.default_rng(seed)
    weights = {}
    for name, shape in sizes.items():
        weights[f"{name}/weights"] = draw.normal(0, 1 / np.sqrt(shape[1]), shape).astype(np.float32)
        weights[f"{name}/bias"] = draw.normal(0, 0.3, shape[0]).astype(np.float32)
    return weights


def serialised_alphabet(characters: str) -> bytes:
    """As alphabet.cc writes it."""
    encoded = [c.encode() for c in characters]
    return struct.pack("<H", len(encoded)) + b"".join(struct.pack("<HH", i, len(c)) + c for i, c in enumerate(encoded))


def acoustic_model(
    weights: dict[str, np.ndarray],
    storage: str = "float32",
    form: str = "unrolled",
    alphabet: bytes | None = None,
    rate: int = 16_000,
    clip: float = 20.0,
    highest: float = 8000.0,
    change: Any = lambda w: None,
) -> tuple[bytes, dict[str, np.ndarray]]:
    """Returns a file, and the weights as they are once stored.

    Args:
        weights: as `random_weights` gives them.
        storage: of the weights: "float32"; "float16" behind a DEQUANTIZE; "int8" with one scale; "int8 rows" with one a row.
        form: of the LSTM: "unrolled" into products and gates; "basic" and "full", the kernels of those names.
        alphabet: serialised; None leaves it out.
        rate, clip, highest: metadata_sample_rate; the bound of activations; upper_frequency_limit.
        change: what else to do to the graph before it is written.
    """
    w = Writer()
    stored: dict[str, np.ndarray] = {}

    def kept(name: str, value: np.ndarray) -> int:
        value = np.ascontiguousarray(value)
        if storage == "float16":
            half = value.astype(np.float16)
            stored[name] = half.astype(np.float32)
            return w.run("DEQUANTIZE", [w.constant(f"{name}_half", half)], [w.tensor(name, value.shape)])
        if storage.startswith("int8"):
            scale = np.abs(value).max(axis=1 if "rows" in storage else None) / 127
            whole = np.round(value / np.reshape(scale, (-1, 1))).astype(np.int8)
            stored[name] = (whole * np.reshape(np.float32(scale), (-1, 1))).astype(np.float32)
            return w.tensor(name, value.shape, "int8", whole.tobytes(), scale)
        stored[name] = value
        return w.constant(name, value)

    def parameters(name: str) -> tuple[int, int]:
        stored[f"{name}/bias"] = weights[f"{name}/bias"]
        return kept(f"{name}/weights", weights[f"{name}/weights"]), w.constant(f"{name}/bias", weights[f"{name}/bias"])

    def dense(name: str, x: int, rows: int, relu: bool = True) -> int:
        outputs = len(weights[f"{name}/bias"])
        product = w.tensor(f"{name}/product", (rows, outputs))
        w.run("FULLY_CONNECTED", [x, *parameters(name)], [product], FusedActivationFunction=int(relu))
        return w.run("MINIMUM", [product, bound], [w.tensor(name, (rows, outputs))]) if relu else product

    hidden, labels = len(weights["layer_1/bias"]), len(weights["layer_6/bias"])
    input_node = w.tensor("input_node", (1, STEPS, 19, 26))
    cell, state = w.tensor("previous_state_c", (1, hidden)), w.tensor("previous_state_h", (1, hidden))
    samples = w.tensor("input_samples", (512,))
    bound = w.constant("Minimum/y", np.float32(clip).reshape(()))

    tall = w.run("RESHAPE", [samples, w.constant("tall", np.int32([512, 1]))], [w.tensor("samples", (512, 1))])
    spectrum = w.tensor("AudioSpectrogram", (1, 1, 257))
    w.run("AudioSpectrogram", [tall], [spectrum], window_size=512, stride=320, magnitude_squared=True)
    hertz = w.constant("sample_rate", np.int32(16_000).reshape(()))
    mfccs = w.tensor("mfccs", (1, 1, 26))
    limits = {"upper_frequency_limit": highest, "lower_frequency_limit": 20.0}
    w.run("Mfcc", [spectrum, hertz], [mfccs], **limits, filterbank_channel_count=40, dct_coefficient_count=26)

    flat = w.constant("flat", np.int32([STEPS, 19 * 26]))
    x = w.run("RESHAPE", [input_node, flat], [w.tensor("input_reshaped", (STEPS, 19 * 26))])
    for name in ("layer_1", "layer_2", "layer_3"):
        x = dense(name, x, STEPS)
    zero, one = w.constant("axis_0", np.int32(0).reshape(())), w.constant("axis_1", np.int32(1).reshape(()))
    frames = [w.tensor(f"frame_{t}", (1, hidden)) for t in range(STEPS)]
    w.run("SPLIT", [zero, x], frames, NumSplits=STEPS)
    heard = []
    kernel = parameters("lstm") if form in ("unrolled", "basic") else ()
    for t, frame in enumerate(frames):
        if form == "unrolled":
            pair = w.run("CONCATENATION", [frame, state], [w.tensor(f"pair_{t}", (1, 2 * hidden))], Axis=1)
            gates = w.run("FULLY_CONNECTED", [pair, *kernel], [w.tensor(f"gates_{t}", (1, 4 * hidden))])
            four = [w.tensor(f"{gate}_{t}", (1, hidden)) for gate in "icfo"]
            w.run("SPLIT", [one, gates], four, NumSplits=4)
            i, c, f, o = (
                w.run("TANH" if k == 1 else "LOGISTIC", [g], [w.tensor(f"open_{k}_{t}", (1, hidden))])
                for k, g in enumerate(four)
            )
            old = w.run("MUL", [f, cell], [w.tensor(f"old_{t}", (1, hidden))])
            new = w.run("MUL", [i, c], [w.tensor(f"new_{t}", (1, hidden))])
            cell = w.run("ADD", [old, new], [w.tensor(f"cell_{t}", (1, hidden))])
            loud = w.run("TANH", [cell], [w.tensor(f"loud_{t}", (1, hidden))])
            state = w.run("MUL", [o, loud], [w.tensor(f"state_{t}", (1, hidden))])
        elif form == "basic":
            outputs = [
                w.tensor(f"{n}_{t}", (1, k * hidden)) for n, k in (("state", 1), ("cell", 1), ("concat", 2), ("gates", 4))
            ]
            w.run("LSTM", [frame, state, *kernel, cell], outputs, KernelType=1, FusedActivationFunction=4)
            state, cell = outputs[:2]
        else:
            if t == 0:
                state, cell = (w.tensor(f"variable_{n}", (1, hidden)) for n in "hc")  # which the kernel updates in place
                fours = np.split(weights["lstm/weights"], 4), np.split(weights["lstm/bias"], 4)  # i, c, f, o
            own = "" if t == 0 else f"_{t}"  # each step with copies of its own
            ins = [kept(f"{g}_i{own}", fours[0][k][:, :hidden]) for k, g in ((0, "i"), (2, "f"), (1, "c"), (3, "o"))]
            recur = [kept(f"{g}_r{own}", fours[0][k][:, hidden:]) for k, g in ((0, "i"), (2, "f"), (1, "c"), (3, "o"))]
            biases = [w.constant(f"bias_{k}{own}", fours[1][k]) for k in (0, 2, 1, 3)]
            full = [frame, *ins, *recur, -1, -1, -1, *biases, -1, -1, state, cell]
            heard.append(w.run("LSTM", full, [w.tensor(f"state_{t}", (1, hidden))], FusedActivationFunction=4))
            continue
        heard.append(state)
    if form == "full":
        rows = [np.concatenate([stored.pop(f"{g}_i"), stored.pop(f"{g}_r")], 1) for g in "icfo"]
        stored["lstm/weights"], stored["lstm/bias"] = np.concatenate(rows), weights["lstm/bias"]
    x = w.run("CONCATENATION", heard, [w.tensor("rnn_output", (STEPS, hidden))], Axis=0)
    x = dense("layer_6", dense("layer_5", x, STEPS), STEPS, relu=False)
    logits = w.run("SOFTMAX", [x], [w.tensor("logits", (STEPS, labels))], Beta=1.0)

    outputs = [logits, mfccs] if form == "full" else [logits, cell, state, mfccs]
    for name, value in {"sample_rate": rate, "feature_win_len": 32, "feature_win_step": 20}.items():
        number = w.constant(f"metadata_{name}_copy", np.int32([value]))
        size = w.constant(f"metadata_{name}_shape", np.int32([1]))
        outputs.append(w.run("RESHAPE", [number, size], [w.tensor(f"metadata_{name}", (1,), "int32")]))
    if alphabet is not None:
        text = struct.pack("<3i", 1, 12, 12 + len(alphabet)) + alphabet
        w.tensor("metadata_alphabet", (1,), "string", text)
    change(w)
    return w.to_bytes([input_node, w_index(w, "previous_state_c"), w_index(w, "previous_state_h"), samples], outputs), stored


def w_index(w: Writer, name: str) -> int:
    """Returns the index of the tensor of that name."""
    return next(i for i, row in enumerate(w.tensors) if row[0] == name)
