"""Converts the weights of a .tflite acoustic model, as released by DeepSpeech and Coqui STT, to a folder that can be adapted.

Written from the sources of DeepSpeech 0.9 and Coqui STT (train.py: create_model, create_inference_graph, export;
native_client/alphabet.cc) and of the converter they used (tensorflow/lite/toco), and tried on files built to match
them. No released file was available, so these are assumptions until one has been read: which of three forms the
converter gave the LSTM (all three are read); that every layer's bias is fused into its product, and every layer but
the last is rectified; and that the metadata are constants behind at most a copy. Metadata that are missing or
unreadable are assumed to be those of the English models. Scores of a converted model have not been compared with
published ones.

The LiteRT interpreter, run by hand over such files, gave the same probabilities to 1e-7 with float32 and float16
weights, and to 3e-4 with int8, whose inputs it rounds too. Two cases stay open: it does not run the basic LSTM kernel
with int8 weights, and with a scale a row it differs by 0.01 in the full kernel, for a reason that was not found.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.errors import ModelError
from core.models.deepspeech.mfcc import HIGHEST_HERTZ
from core.models.deepspeech.model import ENGLISH, DeepSpeech, DeepSpeechConfig, new_network
from core.models.sources.convert import built_once
from core.models.sources.origins import deepspeech_path, refuse_without_reader
from core.storage.files import sha256
from core.text.escaping import markdown

MAX_BYTES = 400_000_000  # of a file; 0.9.3 in float32 would be 190 MB
MAX_ITEMS = 10_000  # tensors, operators, or inputs of one; a released graph has some hundreds
MAX_COPIES = 4  # reshapes and the like between a constant and its use

# The allowed operators; anything else, such as layer normalisation, would change what the network computes.
_ARITHMETIC = {"ADD", "FULLY_CONNECTED", "LOGISTIC", "LSTM", "MINIMUM", "MUL", "RELU", "SOFTMAX", "TANH"}
_LAYOUT = {
    "CONCATENATION",
    "EXPAND_DIMS",
    "PACK",
    "RESHAPE",
    "SPLIT",
    "SPLIT_V",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TRANSPOSE",
    "UNPACK",
}
_KNOWN = _ARITHMETIC | _LAYOUT | {"AudioSpectrogram", "DEQUANTIZE", "Mfcc", "QUANTIZE", "UNIDIRECTIONAL_SEQUENCE_LSTM"}
_COPIES = {"RESHAPE", "DEQUANTIZE"}  # the converter puts one behind a constant output or a float16 weight
_SHAPES = {  # of a layer's weight: outputs and inputs, as multiples of the width; None is not known beforehand
    "layer_1": (1, None),
    "layer_2": (1, 1),
    "layer_3": (1, 1),
    "the LSTM": (4, 2),
    "layer_5": (1, 1),
    "layer_6": (None, 1),
}

_CARD = """# {name}, converted

The weights of a DeepSpeech or Coqui STT acoustic model, SHA-256 {checksum}, brought to float32 so that they can be
adapted. The file's own licence applies. It carries no language model, without which it makes more errors than its
authors published. The conversion was written from public sources and tried on files built in their image, not on a
released model: compare a few transcripts with the original before relying on it.
"""


def deepspeech_folder(path: Path) -> Path:
    """Returns the folder of a converted acoustic model, converting it on the first call.

    Raises:
        ModelError: the file is not a TensorFlow Lite model, or not one of DeepSpeech.
    """
    if path.stat().st_size > MAX_BYTES:
        raise _damaged(path, f"it is larger than {MAX_BYTES / 1e6:.0f} MB")
    checksum = sha256(path)

    def build(building: Path) -> None:
        read_tflite(path).save(building)
        (building / "README.md").write_text(_CARD.format(name=markdown(path.name), checksum=checksum), encoding="utf-8")

    return built_once(deepspeech_path(path, checksum), build)


def read_tflite(path: Path) -> DeepSpeech:
    """Reads the network of an acoustic model as DeepSpeech 0.9 and Coqui STT export it.

    Layers are identified by their position in the graph, which does not depend on the converter's names, and by their
    shapes. Stored integers q become scale * (q - zero_point), for the whole tensor or along one axis.

    Raises:
        ModelError: as `deepspeech_folder`.
    """
    try:
        graph = _Graph(path)
        return _model(graph, path)
    except (struct.error, IndexError, KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise _damaged(path, str(error).split("\n")[0][:100] or type(error).__name__) from error


class _Graph:
    """A TensorFlow Lite file of one subgraph. Every length it claims is checked against the file or a limit."""

    def __init__(self, path: Path) -> None:
        refuse_without_reader(path.name)
        import tflite

        self.path = path
        data = path.read_bytes()
        if data[4:8] != b"TFL3":
            raise _damaged(path, "it does not begin like one")
        self._model = tflite.Model.GetRootAs(data, 0)
        if self._model.SubgraphsLength() != 1:
            raise _unexpected(path, f"{self._model.SubgraphsLength()} subgraphs")
        self._subgraph = self._model.Subgraphs(0)
        names = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
        self._types = {
            getattr(tflite.TensorType, t.upper()): np.dtype(t) for t in ("float32", "float16", "int8", "uint8", "int32")
        }
        self._string = tflite.TensorType.STRING
        self.operators: list[tuple[str, list[int], Any]] = []
        self._producers: dict[int, tuple[str, list[int]]] = {}
        for i in range(_limited(self._subgraph.OperatorsLength())):
            operator = self._subgraph.Operators(i)
            code = self._model.OperatorCodes(operator.OpcodeIndex())
            name = names.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "?")
            if name == "CUSTOM":
                name = (code.CustomCode() or b"").decode(errors="replace")[:40]
            inputs = [operator.Inputs(j) for j in range(_limited(operator.InputsLength()))]
            self.operators.append((name, inputs, operator))
            for j in range(_limited(operator.OutputsLength())):
                self._producers[operator.Outputs(j)] = (name, inputs)
        self._named = {}
        for i in range(_limited(self._subgraph.TensorsLength())):
            self._named[(self._subgraph.Tensors(i).Name() or b"").decode(errors="replace")] = i

    def shape(self, index: int) -> tuple[int, ...]:
        """Returns the dimensions of a tensor."""
        tensor = self._subgraph.Tensors(index)
        return tuple(tensor.Shape(i) for i in range(_limited(tensor.ShapeLength())))

    def find(self, name: str) -> int | None:
        """Returns the index of the tensor of that name."""
        return self._named.get(name)

    def constant(self, index: int, copies: int = 0) -> np.ndarray | None:
        """Returns a tensor's values, float32 if it was stored as integers with a scale; None if it is computed."""
        raw = self._bytes(index)
        if raw is None:
            name, inputs = self._producers.get(index, ("", []))
            value = self.constant(inputs[0], copies + 1) if name in _COPIES and copies < MAX_COPIES else None
            return None if value is None else value.reshape(self.shape(index))
        tensor = self._subgraph.Tensors(index)
        if tensor.Type() not in self._types:
            return None
        dtype = self._types[tensor.Type()]
        shape = self.shape(index)
        if min(shape, default=1) < 1 or math.prod(shape) * dtype.itemsize != len(raw):
            raise ValueError(f"a tensor of shape {list(shape)} holds {len(raw)} bytes")
        value = raw.view(dtype).reshape(shape)
        scaling = tensor.Quantization()
        if scaling is not None and scaling.ScaleLength():
            axis = scaling.QuantizedDimension()
            scale, zero = (
                np.array([get(i) for i in range(_limited(length))])
                for get, length in ((scaling.Scale, scaling.ScaleLength()), (scaling.ZeroPoint, scaling.ZeroPointLength()))
            )
            along = [-1 if i == axis else 1 for i in range(len(shape))] if len(scale) > 1 else [1] * len(shape)
            if len(scale) > 1 and len(scale) != shape[axis]:
                raise ValueError(f"{len(scale)} scales for {shape[axis]} rows")
            zero = zero.reshape(along) if len(zero) else np.zeros(along)
            value = (value.astype(np.float32) - zero.astype(np.float32)) * scale.reshape(along).astype(np.float32)
        return value if value.dtype == np.int32 else value.astype(np.float32)

    def string(self, name: str) -> bytes | None:
        """Returns the one string of a tensor: int32 count, int32 offset of each and of the end, bytes."""
        index = self._named.get(name)
        for _ in range(MAX_COPIES):
            if index is None:
                return None
            raw = self._bytes(index)
            if raw is not None and self._subgraph.Tensors(index).Type() == self._string:
                count, start, end = struct.unpack_from("<3i", raw.tobytes())
                if count != 1 or not 12 <= start <= end <= len(raw):
                    raise ValueError(f"the string {name} is outside its tensor")
                return raw[start:end].tobytes()
            operator, inputs = self._producers.get(index, ("", []))
            index = inputs[0] if operator in _COPIES else None
        return None

    def _bytes(self, index: int) -> np.ndarray | None:
        """The uint8 of a tensor's buffer, or None if it has none."""
        if not 0 <= index < self._subgraph.TensorsLength():
            raise IndexError(f"there is no tensor {index}")
        place = self._subgraph.Tensors(index).Buffer()
        if not 0 <= place < self._model.BuffersLength():
            raise IndexError(f"there is no buffer {place}")
        buffer = self._model.Buffers(place)
        return buffer.DataAsNumpy() if buffer.DataLength() else None


def _model(graph: _Graph, path: Path) -> DeepSpeech:
    for name, _, _ in graph.operators:
        if name not in _KNOWN:
            raise _unexpected(path, f"an operator {name}")
    inputs = graph.find("input_node")
    if inputs is None:
        raise _unexpected(path, "no tensor input_node")
    shape = graph.shape(inputs)
    if len(shape) != 4 or shape[2] % 2 == 0:
        raise _unexpected(path, f"an input_node of shape {list(shape)}")
    _check_front_end(graph, path)
    layers = list(_layers(graph, path))
    if len(layers) != len(_SHAPES):
        raise _unexpected(path, f"{len(layers)} layers instead of {len(_SHAPES)}")
    width = len(layers[0][1])
    for (layer, sizes), (weight, bias) in zip(_SHAPES.items(), layers, strict=True):
        wanted = tuple(None if size is None else size * width for size in sizes)
        fits = weight.ndim == 2 and all(w in (None, n) for w, n in zip(wanted, weight.shape, strict=True))
        if not fits or bias.shape != weight.shape[:1]:
            raise _unexpected(path, f"{layer} of shape {list(weight.shape)} with a bias of shape {list(bias.shape)}")
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            raise _unexpected(path, f"{layer} with values that are no numbers")
    config = DeepSpeechConfig(
        alphabet=_alphabet(graph, path, len(layers[-1][1]) - 1),
        features=shape[3],
        context=shape[2] // 2,
        hidden=width,
        clip=_clip(graph, path),
    )
    if layers[0][0].shape[1] != config.inputs:
        raise _unexpected(path, f"layer_1 of {layers[0][0].shape[1]} inputs where input_node has {config.inputs}")
    tensors: dict[str, np.ndarray] = {}
    for name, (weight, bias) in zip(("fc1", "fc2", "fc3", "rnn", "fc4", "out"), layers, strict=True):
        if name != "rnn":
            tensors |= {f"{name}.weight": weight, f"{name}.bias": bias}
            continue
        kernel, gates = _torch_order(weight), _torch_order(bias)
        tensors |= {"rnn.weight_ih_l0": kernel[:, :width], "rnn.weight_hh_l0": kernel[:, width:]}
        tensors |= {"rnn.bias_ih_l0": gates, "rnn.bias_hh_l0": np.zeros_like(gates)}  # torch adds the two
    with torch.device("meta"):
        network = new_network(config)
    network.load_state_dict({name: torch.tensor(value) for name, value in tensors.items()}, assign=True)
    return DeepSpeech(path.name, network, config, device="cpu")


def _layers(graph: _Graph, path: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields weight [outputs, inputs] and bias of each layer once, in the order in which the graph computes them.

    The LSTM is unrolled, so it occurs once per step. Its gates are input, cell, forget, output, as TensorFlow's
    LSTMCell and the converter (identify_lstm_split_inputs.cc) stack them, over [input, state].
    """
    seen: dict[tuple[int, ...], None] = {}
    unrolled: tuple[np.ndarray, np.ndarray] | None = None
    for name, inputs, _ in graph.operators:
        if name == "FULLY_CONNECTED":
            if len(inputs) < 3 or inputs[2] < 0:
                raise _unexpected(path, "a layer without a bias")
            parts = tuple(inputs[1:3])
        elif name == "LSTM" and len(inputs) == 5:  # the basic kernel: input, state, weight, bias, cell
            parts = tuple(inputs[2:4])
        elif name in ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM"):
            # The full kernel: input; weights of the input to i, f, c, o; of the state to these; peepholes; biases.
            if len(inputs) < 20 or any(i >= 0 for i in (*inputs[9:12], *inputs[16:18], *inputs[20:])):
                raise _unexpected(path, "an LSTM with peepholes, a projection or normalisation")
            parts = tuple(inputs[k] for k in (1, 3, 2, 4, 5, 7, 6, 8, 12, 14, 13, 15))
        else:
            continue
        if parts in seen:
            continue
        seen[parts] = None
        values = [value for i in parts if (value := graph.constant(i)) is not None]
        if len(values) < len(parts):
            raise _unexpected(path, f"a {name} whose weights are no constants")
        if len(parts) == 2:
            layer = values[0], values[1]
        else:
            layer = np.concatenate([np.concatenate(values[:4]), np.concatenate(values[4:8])], 1), np.concatenate(values[8:])
        if "LSTM" in name:  # each step may have its own copy
            if unrolled is not None and all(np.array_equal(a, b) for a, b in zip(unrolled, layer, strict=True)):
                continue
            unrolled = layer
        if len(seen) > 100:
            raise _unexpected(path, "more layers than a DeepSpeech model has")
        yield layer


def _torch_order(stacked: np.ndarray) -> np.ndarray:
    """Reorders gates from TensorFlow's order, input, cell, forget, output, to torch's: input, forget, cell, output."""
    i, c, f, o = np.split(stacked, 4)
    return np.concatenate([i, f, c, o])


def _clip(graph: _Graph, path: Path) -> float:
    """The one bound of all MINIMUMs. Constants added elsewhere, such as a forget bias, are unknown."""
    bounds = set()
    for name, inputs, _ in graph.operators:
        if name in ("ADD", "MINIMUM"):
            for value in (graph.constant(i) for i in inputs):
                if value is not None and name == "ADD" and value.any():
                    raise _unexpected(path, "a constant that is added outside a layer")
                if value is not None and name == "MINIMUM":
                    bounds |= set(value.ravel()[:2].tolist()) if value.size == 1 else {math.nan, math.inf}
    if len(bounds) != 1:
        raise _unexpected(path, f"{len(bounds)} bounds of activations instead of 1")
    return float(bounds.pop())


def _check_front_end(graph: _Graph, path: Path) -> None:
    """Refuses features other than those that `deepspeech.mfcc` computes; values missing from the file count as these."""
    wanted = {"metadata_sample_rate": 16_000, "metadata_feature_win_len": 32, "metadata_feature_win_step": 20}
    for name, number in wanted.items():
        index = graph.find(name)
        value = None if index is None else graph.constant(index)
        if value is not None and value.tolist() != [number]:
            raise _unexpected(path, f"{name} {value.tolist()} instead of [{number}]")
    for name, _, operator in graph.operators:
        if name == "Mfcc" and operator.CustomOptionsLength():
            from flatbuffers import flexbuffers

            options = flexbuffers.GetRoot(operator.CustomOptionsAsNumpy().tobytes()).AsMap
            keys = [key.decode() if isinstance(key, bytes) else str(key) for key in (k.AsKey for k in options.Keys)]
            highest = options["upper_frequency_limit"].AsFloat if "upper_frequency_limit" in keys else HIGHEST_HERTZ
            if highest != HIGHEST_HERTZ:
                raise _unexpected(path, f"features up to {highest:g} Hz instead of {HIGHEST_HERTZ:g}")


def _alphabet(graph: _Graph, path: Path, size: int) -> str:
    """The characters of metadata_alphabet: u16 count, then per label u16 label, u16 length, UTF-8 (alphabet.cc)."""
    raw = graph.string("metadata_alphabet")
    if raw is None:
        if size != len(ENGLISH):
            raise _unexpected(path, f"no metadata_alphabet for its {size} characters")
        return ENGLISH
    (count,) = struct.unpack_from("<H", raw)
    labels: dict[int, str] = {}
    place = 2
    for _ in range(count):
        label, length = struct.unpack_from("<HH", raw, place)
        place += 4 + length
        labels[label] = raw[place - length : place].decode("utf-8", "replace")
    alphabet = "".join(labels.get(i, "") for i in range(size))
    if sorted(labels) != list(range(size)) or len(set(alphabet)) != size or any(len(c) != 1 for c in labels.values()):
        raise _unexpected(path, f"an alphabet of {count} labels that are not {size} different characters")
    return alphabet


def _limited(length: int) -> int:
    if length > MAX_ITEMS:
        raise ValueError(f"a list of {length} things")
    return length


def _damaged(path: Path, what: str) -> ModelError:
    return ModelError("tflite_format", f"{path.name} is not a TensorFlow Lite model, or it is damaged: {what}.", name=path.name)


def _unexpected(path: Path, what: str) -> ModelError:
    return ModelError(
        "tflite_unexpected",
        f"{path.name} is not an acoustic model exported by DeepSpeech 0.9 or Coqui STT: it contains {what}.",
        name=path.name,
        what=what,
    )
