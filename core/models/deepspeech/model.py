"""DeepSpeech (Hannun et al. 2014, arXiv 1412.5567): dense layers over a window of frames, a recurrent one, CTC."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from core.audio.sound_files import MAX_CLIP_SECONDS, SAMPLE_RATE, fingerprint
from core.errors import ModelError, RecipeError
from core.models.base import ctc_loss, pretrained
from core.models.base import vocabulary as vocabularies
from core.models.base.device import autocast, choose_device, recurrent_autocast
from core.models.base.long_sound import one_by_one
from core.models.base.protocol import PIECE_SECONDS, Depth, Example, Features, Layer, Pause, Transcript, named_weights, no_pause
from core.models.base.vocabulary import Fitted
from core.models.deepspeech.mfcc import MEL_CHANNELS, frame_count, mfcc
from core.storage.files import read_json, write_json
from core.text.scoring import clean, recognised

MODEL_TYPE = "deepspeech"  # in config.json
CELLS = {"lstm": "rnn", "birnn": "bi_rnn"}  # and what the network calls it
ENGLISH = " abcdefghijklmnopqrstuvwxyz'"  # data/alphabet.txt of the released models
DENSE = ("fc1", "fc2", "fc3")  # below the recurrent layer
BLOCK_FRAMES = 1000  # 20 s: long sound is processed in blocks of this length, which bounds memory


@dataclass(frozen=True)
class DeepSpeechConfig:
    """The shape of the network; the defaults are the released models'.

    Attributes:
        cell: "lstm", one forward LSTM, as Mozilla's DeepSpeech 0.6 to 0.9 and Coqui STT have it; or "birnn", the
            paper's two rectified networks, one each way, as `torchaudio.models.DeepSpeech` has them.
        alphabet: the characters it writes, in the order of its outputs; the blank comes after them.
        features: MFCC coefficients a frame.
        context: frames that the first layer sees before and after each.
        hidden: width of every layer.
        clip: upper limit of a rectified activation; always 20 for "birnn".

    Raises:
        ModelError: a field is outside its range.
    """

    cell: str = "lstm"
    alphabet: str = ENGLISH
    features: int = 26
    context: int = 9
    hidden: int = 2048
    clip: float = 20.0

    def __post_init__(self) -> None:
        _check("cell", self.cell in CELLS)
        _check("alphabet", isinstance(self.alphabet, str) and 0 < len(self.alphabet) == len(set(self.alphabet)))
        _check("features", isinstance(self.features, int) and 1 <= self.features <= MEL_CHANNELS)
        _check("context", isinstance(self.context, int) and 0 <= self.context <= 100)
        _check("hidden", isinstance(self.hidden, int) and 1 <= self.hidden <= 65_536)
        _check("clip", isinstance(self.clip, int | float) and 0 < self.clip < math.inf)
        _check("clip", self.cell == "lstm" or self.clip == 20)

    @property
    def inputs(self) -> int:
        """Number of inputs of the first layer for each frame."""
        return self.features * (2 * self.context + 1)

    def to_json(self) -> dict[str, Any]:
        """Returns what config.json holds."""
        return {"model_type": MODEL_TYPE, **dataclasses.asdict(self)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Reads `to_json`'s dict, ignoring fields of another version."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in fields.items() if name in known})


def _check(field: str, holds: bool) -> None:
    if not holds:
        raise ModelError("deepspeech_config", f"config.json has an unusable value for {field}.", field=field)


class LstmNetwork(nn.Module):
    """The network of Mozilla's create_model (train.py of 0.9), its layers named as torchaudio names them.

    Its layers 1, 2, 3 are fc1, fc2, fc3; then rnn; 5 is fc4 and 6 is out. The forget gate gets no extra bias.
    """

    def __init__(self, config: DeepSpeechConfig) -> None:
        super().__init__()
        width = config.hidden
        self.fc1 = nn.Linear(config.inputs, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, width)
        self.rnn = nn.LSTM(width, width)
        self.fc4 = nn.Linear(width, width)
        self.out = nn.Linear(width, len(config.alphabet) + 1)


def new_network(config: DeepSpeechConfig) -> Any:
    """Returns a network of random weights."""
    if config.cell == "lstm":
        return LstmNetwork(config)
    from torchaudio.models import DeepSpeech as BiRnnNetwork  # only this cell needs torchaudio, and its import is slow

    return BiRnnNetwork(config.inputs, config.hidden, len(config.alphabet) + 1)


class DeepSpeech:
    """DeepSpeech as an `AsrModel`.

    Args:
        id: what the catalogue or the user calls it.
        network: from `new_network`.
        config: its shape and alphabet.
        language: ISO 639-1 code, if known; scores and the case of labels use it.
        device: "auto", "cpu", "cuda".
        precision: "auto", "float32" or "bfloat16".
    """

    family = "deepspeech"
    piece_seconds = PIECE_SECONDS

    def __init__(
        self,
        id: str,
        network: Any,
        config: DeepSpeechConfig,
        language: str = "",
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.id = id
        self.device = choose_device(device)
        self.network = network.float().to(self.device).eval()
        self.config = config
        self.language = language
        self.precision = precision
        self.thin = False
        self.fresh: dict[nn.Parameter, torch.Tensor] = {}
        self._labels = {character: i for i, character in enumerate(config.alphabet)}
        self._rnn = getattr(self.network, CELLS[config.cell])

    @classmethod
    def load(cls, id: str, folder: str, language: str = "", device: str = "auto", precision: str = "auto", **_: Any) -> Self:
        """Loads from a folder that `save` wrote.

        Raises:
            ModelError: config.json does not describe such a network, or the weights are another's.
        """
        config = DeepSpeechConfig.from_json(read_json(Path(folder) / "config.json"))
        with torch.device("meta"):  # so that only the file's own size is ever allocated
            network = new_network(config)
        weights, wanted = load_file(Path(folder) / "model.safetensors"), network.state_dict()
        other = [name for name, value in weights.items() if name not in wanted or wanted[name].shape != value.shape]
        pretrained.refuse_unfit(id, wanted.keys() - weights.keys(), other)
        network.load_state_dict(weights, assign=True)
        return cls(id, network, config, language, device, precision)

    def layers(self) -> list[Layer]:
        """Returns the three dense layers and the recurrent one, then the head: a dense layer and the outputs."""
        parts = {name: "encoder" for name in (*DENSE, CELLS[self.config.cell])} | {"fc4": "head", "out": "head"}
        return [Layer(f"{part}.{name}", part, tuple(getattr(self.network, name).parameters())) for name, part in parts.items()]

    def fit_to(self, texts: Sequence[str], seconds: Sequence[float], vocabulary: str = "auto") -> Fitted:
        """Keeps, extends or replaces the alphabet and with it the output layer, see `Recipe.vocabulary`."""
        known = [c for c in self.config.alphabet if c != " "]
        fitted, characters = vocabularies.fit(self.id, texts, known, vocabulary, self.language)
        if fitted.kind != "kept":
            self._write_with(" " + "".join(characters))
        return fitted

    @property
    def extractor(self) -> None:
        """None: its front end is `core.models.deepspeech.mfcc`."""

    def characters(self) -> frozenset[str] | None:
        """Returns the characters of its alphabet."""
        return frozenset(self.config.alphabet) - {" "}

    def example(self, wave: np.ndarray, text: str) -> Example:
        """Returns MFCC float32 [frames, features] and characters; characters outside the alphabet are left out.

        Raises:
            DatasetError: more labels than frames, or no label at all.
        """
        labels = self.labels(text)
        vocabularies.refuse_misfit(labels, frame_count(len(wave)), len(wave), text)
        return Example(mfcc(wave, self.config.features), torch.tensor(labels), len(wave) / SAMPLE_RATE, fingerprint(wave))

    def features(self, batch: Sequence[Example]) -> list[Features]:
        """Returns MFCC float32 [clips, frames, features]."""
        values = nn.utils.rnn.pad_sequence([e.features for e in batch], batch_first=True).to(self.device)
        return [Features(values, tuple(len(e.features) for e in batch), time=1, bands=2)]

    def labels(self, text: str) -> list[int]:
        """Returns the labels of a text's characters, leaving out those outside the alphabet."""
        written = clean(vocabularies.writable(text, self._labels, self.language))
        return [self._labels[c] for c in written if c in self._labels]  # not every alphabet has a space

    @property
    def blank(self) -> int:
        """The label of no character."""
        return len(self._labels)

    @property
    def space(self) -> int | None:
        """The label between words, or None where there is none."""
        return self._labels.get(" ")

    def depths(self) -> list[Depth]:
        """Returns one, two or three dense layers, and these with the recurrent one."""
        modules = [getattr(self.network, name) for name in (*DENSE, CELLS[self.config.cell], "fc4", "out")]
        return [Depth(layers, named_weights(self.network, modules[i:])) for i, layers in enumerate((1, 2, 3, None), start=1)]

    def prefix(
        self, batch: Sequence[Example], features: Sequence[Features] | None = None, depth: int | None = None
    ) -> torch.Tensor:
        """Returns the output of a dense layer or of the recurrent one, float [clips, frames, width]."""
        (read,) = self.features(batch) if features is None else features
        windows = self._windows(read.values)
        if depth is None:
            return self._below_head(windows, list(read.frames))[0]
        with autocast(self.device, self.precision):
            return self._through(DENSE[:depth], windows)

    def loss(
        self,
        batch: Sequence[Example],
        prefix: torch.Tensor | None = None,
        smoothing: float = 0.0,
        depth: int | None = None,
    ) -> torch.Tensor:
        """Returns CTC's negative log likelihood (Graves et al. 2006), each clip's divided by its labels, averaged."""
        frames = [len(e.features) for e in batch]
        hidden = self.prefix(batch) if prefix is None else prefix
        if depth is not None and prefix is not None:
            hidden, _ = self._below_head(prefix, frames, depth=depth)
        return ctc_loss.ctc(self._head(hidden), frames, [e.labels for e in batch], len(self._labels), smoothing)

    @torch.no_grad()
    def transcribe(self, waves: Sequence[np.ndarray], pause: Pause = no_pause) -> list[Transcript]:
        """Transcribes by the most probable label of each frame, without a language model.

        Sound over 30 s is cut at its pauses; it pauses between clips and between pieces.
        """
        self.network.eval()
        return one_by_one(waves, MAX_CLIP_SECONDS, self._greedy, self.language, pause)

    @torch.no_grad()
    def log_probs(self, wave: np.ndarray) -> torch.Tensor:
        """Returns the log probability of each label, the blank last: float32 [frames, labels]."""
        self.network.eval()
        windows = self._windows(mfcc(wave, self.config.features)[None].to(self.device))
        # A network that runs both ways must see the whole sound at once.
        block = BLOCK_FRAMES if self.config.cell == "lstm" else windows.shape[1]
        state, parts = None, []
        for piece in windows.split(block, dim=1):
            hidden, state = self._below_head(piece, [piece.shape[1]], state)
            parts.append(self._head(hidden)[0])
        return torch.cat(parts).log_softmax(-1)

    def save(self, folder: Path) -> None:
        """Writes config.json, which holds the alphabet too, and model.safetensors."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in self.network.state_dict().items()}, folder / "model.safetensors")
        write_json(folder / "config.json", self.config.to_json())

    def _write_with(self, alphabet: str) -> None:
        """Gives the network an output layer for another alphabet, keeping the rows of the characters both share.

        The others start as `drop_source_layers` starts them.
        """
        renewed = drop_source_layers(self, 1, alphabet)
        old, new = self.network.out, renewed.network.out
        pairs = [(i, self._labels[c]) for i, c in enumerate(alphabet) if c in self._labels]
        with torch.no_grad():
            for row, source in [*pairs, (len(alphabet), len(self._labels))]:  # and the blank's
                new.weight[row], new.bias[row] = old.weight[source], old.bias[source]
                renewed.fresh[new.weight][row], renewed.fresh[new.bias][row] = False, False
        self.fresh = renewed.fresh
        self.network, self.config = renewed.network, renewed.config
        self._labels, self._rnn = renewed._labels, renewed._rnn

    def _windows(self, features: torch.Tensor) -> torch.Tensor:
        """Lays each frame's neighbours side by side, earliest first: [clips, frames, inputs]; zeros beyond the ends."""
        around = functional.pad(features, (0, 0, self.config.context, self.config.context))
        return around.unfold(1, 2 * self.config.context + 1, 1).transpose(2, 3).flatten(2)

    def _below_head(self, read: torch.Tensor, frames: list[int], state: Any = None, depth: int = 0) -> tuple[torch.Tensor, Any]:
        """Computes the head's input from the windows, or from the output of the first `depth` dense layers."""
        with autocast(self.device, self.precision):
            dense = self._through(DENSE[depth:], read)
        with autocast(self.device, self.precision), recurrent_autocast(self.device):
            if self.config.cell == "lstm":  # the padding comes after everything that a forward LSTM computes
                output, state = self._rnn(dense.float().transpose(0, 1), state)
                return output.transpose(0, 1), state
            # Packed, so that the way back begins at each clip's own end. Its gradient is slow: it grows with the square of
            # the frames.
            packed = pack_padded_sequence(dense.float(), torch.tensor(frames), batch_first=True, enforce_sorted=False)
            output, state = self._rnn(packed, state)
            hidden, _ = pad_packed_sequence(output, batch_first=True)
        # The paper's equation 3: layer 5 takes the sum of the two.
        return hidden[..., : self.config.hidden] + hidden[..., self.config.hidden :], state

    def _head(self, hidden: torch.Tensor) -> torch.Tensor:
        with autocast(self.device, self.precision):
            return self.network.out(self._dense("fc4", hidden)).float()

    def _through(self, names: Sequence[str], hidden: torch.Tensor) -> torch.Tensor:
        for name in names:
            hidden = self._dense(name, hidden)
        return hidden

    def _dense(self, name: str, inputs: torch.Tensor) -> torch.Tensor:
        """Computes a layer with a clipped rectifier: min(max(x, 0), clip)."""
        return getattr(self.network, name)(inputs).clamp(0.0, self.config.clip)  # torchaudio's have done so already

    def _greedy(self, wave: np.ndarray) -> Transcript:
        best, labels = self.log_probs(wave).max(-1)
        written = [i for i in labels.unique_consecutive().tolist() if i < len(self._labels)]
        return Transcript(recognised("".join(self.config.alphabet[i] for i in written)), float(best.mean()))


def drop_source_layers(model: DeepSpeech, n: int, alphabet: str) -> DeepSpeech:
    """Returns a copy that keeps all but the top `n` layers and writes another alphabet: DeepSpeech's transfer learning.

    The layers dropped, from the top: out, fc4, the recurrent one, fc3, fc2; fc1 always stays. They are reinitialised as
    DeepSpeech does: biases at 0, weights uniform in +-sqrt(6 / (inputs + outputs)) (Glorot & Bengio 2010),
    where the recurrent layer counts as one matrix from [input, state] to all gates (TensorFlow's LSTMCell). Drawn from
    torch's global generator. Source: https://deepspeech.readthedocs.io, "Transfer-Learning", and checkpoints.py.

    Args:
        model: the source; it is not changed.
        n: 1 to 5.
        alphabet: the new characters, without the blank.

    Raises:
        RecipeError: `n` is outside its range.
        ModelError: `alphabet` is empty or names a character twice.
    """
    if not 1 <= n <= 5:
        raise RecipeError("recipe_range", f"n must be between 1 and 5, not {n}.", name="n", value=n, low=1, high=5)
    config = dataclasses.replace(model.config, alphabet=alphabet)
    network = new_network(config)
    dropped = ("fc2", "fc3", CELLS[config.cell], "fc4", "out")[-n:]
    kept = {name: value for name, value in model.network.state_dict().items() if name.split(".")[0] not in dropped}
    network.load_state_dict(kept, strict=False)
    for name in dropped:
        for parameter in getattr(network, name).parameters():
            if parameter.dim() == 1:
                nn.init.zeros_(parameter)
                continue
            outputs, inputs = parameter.shape
            if name == CELLS[config.cell]:
                inputs = 2 * config.hidden
            limit = math.sqrt(6 / (inputs + outputs))
            nn.init.uniform_(parameter, -limit, limit)
    renewed = DeepSpeech(model.id, network, config, model.language, str(model.device), model.precision)
    redrawn = [p for name in dropped for p in getattr(renewed.network, name).parameters()]
    renewed.fresh = {p: torch.ones_like(p, dtype=torch.bool) for p in redrawn}
    return renewed
