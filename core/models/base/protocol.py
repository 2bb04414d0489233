"""The interface of all model families, so that training, comparison and the page need not know which one they use."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from core.models.base.vocabulary import Fitted
from core.storage.cache import key_of

if TYPE_CHECKING:  # code that lists models or waits in the queue must not load torch
    import torch
    from torch import nn

FRONT = -1  # a `Depth.layers`
Pause = Callable[[], None]  # called between steps of long work, to let other work run
PIECE_SECONDS = 16.0  # a usual `AsrModel.piece_seconds`: wav2vec 2.0 is affected by padding, and so few clips need little of it


@dataclass(frozen=True)
class Transcript:
    """What a model wrote.

    Attributes:
        text: on one line.
        confidence: mean log probability of its tokens or frames, at most 0.
        guarded: whether the most probable text was rejected because it repeated itself.
        language: ISO 639-1 code, given or detected; "" if the model does not report it.
    """

    text: str
    confidence: float
    guarded: bool = False
    language: str = ""


@dataclass(frozen=True)
class Example:
    """One clip in the form that a model's loss takes.

    Attributes:
        features: the network's input, e.g. log-mel float32 [mels, frames] or samples float32 [samples].
        labels: int64 [tokens].
        seconds: duration of the clip's sound, without padding.
        sound: its fingerprint, see `core.audio.sound_files.fingerprint`; cached results of the clip are stored under it.
    """

    features: torch.Tensor
    labels: torch.Tensor
    seconds: float
    sound: str

    @cached_property
    def key(self) -> str:
        """The cache key of the clip's inputs, see `core.storage.cache.key_of`; computed once."""
        return key_of([self.seconds, *self.features.shape, self.features.numpy().tobytes()])


@dataclass(frozen=True)
class Features:
    """A network's input, after its feature extractor: here a clip can still be masked or perturbed.

    Attributes:
        values: float32 [clips, ...], padded to one length.
        frames: of each clip along the axis of time, without padding.
        time: the axis of time.
        bands: the axis of frequency bands, or None if the input is samples.
    """

    values: torch.Tensor
    frames: tuple[int, ...]
    time: int
    bands: int | None


@dataclass(frozen=True)
class Layer:
    """A named part of a network.

    Attributes:
        name: e.g. "encoder.2".
        part: "front", "encoder", "decoder" or "head".
        parameters: its own; no two layers share one.
    """

    name: str
    part: str
    parameters: tuple[nn.Parameter, ...]


@dataclass(frozen=True)
class Depth:
    """How far up a network a prefix reaches; its output for a clip depends only on the sound and on `weights`.

    Attributes:
        layers: number of encoder layers included, 0 or more; FRONT for the convolutions alone, whose output is still masked
            or dropped before the first layer; None for everything below the decoder or head.
        weights: parameters and buffers below, by name.
    """

    layers: int | None
    weights: tuple[tuple[str, torch.Tensor], ...]


def no_pause() -> None:
    """A `Pause` that does not pause, for when nothing else needs the computer."""


def named_weights(module: nn.Module, above: Sequence[nn.Module] = ()) -> tuple[tuple[str, torch.Tensor], ...]:
    """Returns the parameters and buffers of a module by name, without those of some modules within it."""
    left_out = {id(weight) for upper in above for weight in (*upper.parameters(), *upper.buffers())}
    everything = (*module.named_parameters(), *module.named_buffers())
    return tuple((name, weight) for name, weight in everything if id(weight) not in left_out)


class AsrModel(Protocol):
    """A speech recogniser that can be adapted.

    Attributes:
        id: what `load_model` was given.
        family: "whisper", "ctc", "seq2seq", "deepspeech" or "classifier".
        network: the transformers model; its parameters are float32.
        language: ISO 639-1 code of what it writes, or "" if unknown.
        thin: whether it leaves out most of the padding of clips; False for families that do not pad.
        fresh: parameters that were not pretrained, each with a mask of its shape that is True where it was newly drawn.
        device: where its network computes; examples stay on the CPU.
        piece_seconds: how much sound it is trained on at once on a CPU, where memory is shared with everything else.
    """

    id: str
    family: str
    piece_seconds: float
    network: nn.Module
    language: str
    thin: bool
    fresh: dict[nn.Parameter, torch.Tensor]
    device: torch.device

    def layers(self) -> list[Layer]:
        """Returns the network's layers from the sound (bottom) to the text (top)."""

    def fit_to(self, texts: Sequence[str], seconds: Sequence[float], vocabulary: str = "auto") -> Fitted:
        """Prepares for the training texts before training: sets a token budget, or the characters to write.

        Args:
            texts: the transcripts.
            seconds: the duration of each clip.
            vocabulary: "keep", "extend", "new" or "auto", see `Recipe.vocabulary`.

        Raises:
            DatasetError: the vocabulary is to be kept and cannot write this language.
        """

    def characters(self) -> frozenset[str] | None:
        """Returns the characters it writes, without the space; None if its tokens can spell any."""

    def example(self, wave: np.ndarray, text: str) -> Example:
        """Turns float32 [samples] at 16 kHz and its transcript into an example.

        Raises:
            DatasetError: the text does not fit the sound, e.g. more labels than frames.
        """

    @property
    def extractor(self) -> Any:
        """The transformers feature extractor that makes the network's input; None if the family has its own."""

    def features(self, batch: Sequence[Example]) -> list[Features]:
        """Returns the network's input: one for the whole batch, or one per clip in families that never pad."""

    def depths(self) -> list[Depth]:
        """Returns how far up a prefix may reach, shortest first; the last is everything below the decoder or head."""

    def prefix(
        self, batch: Sequence[Example], features: Sequence[Features] | None = None, depth: int | None = None
    ) -> torch.Tensor:
        """Returns the output of the network below a depth: float [clips, frames, width].

        Args:
            batch: the clips.
            features: input to use instead of `features(batch)`, such as a masked or perturbed version.
            depth: the `layers` of one of `depths`.
        """

    def loss(
        self,
        batch: Sequence[Example],
        prefix: torch.Tensor | None = None,
        smoothing: float = 0.0,
        depth: int | None = None,
    ) -> torch.Tensor:
        """Returns the mean loss of a batch, a scalar.

        Args:
            batch: the clips.
            prefix: the output of `prefix`, so that frozen layers are not computed again.
            smoothing: share of the target that is spread over all labels (Szegedy et al. 2015, arXiv 1512.00567).
            depth: where the prefix ends, as given to `prefix`.
        """

    def transcribe(self, waves: Sequence[np.ndarray], pause: Pause = no_pause) -> list[Transcript]:
        """Transcribes float32 [samples] at 16 kHz, each by itself; the same input gives the same text.

        Args:
            waves: the clips.
            pause: called regularly while long sound is transcribed; the model may transcribe something else during the call.
        """

    def save(self, folder: Path) -> None:
        """Writes a folder that `load_model` reads, and `from_pretrained` too if transformers knows the family."""


@runtime_checkable
class TranscribesAbove(Protocol):
    """A model that can transcribe from a prefix, so that frozen layers are computed once for all evaluations."""

    def transcribe_above(
        self, waves: Sequence[np.ndarray], prefix: Callable[[Sequence[Example]], torch.Tensor], depth: int | None
    ) -> list[Transcript]:
        """Returns what `transcribe` does.

        Args:
            waves: float32 [samples] at 16 kHz.
            prefix: returns the prefix of a batch, computed or cached.
            depth: where it ends.
        """


@runtime_checkable
class TellsLanguages(Protocol):
    """A model that tells which language is spoken."""

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it writes, as ISO 639-1 codes."""

    def spoken(self, wave: np.ndarray) -> dict[str, float]:
        """Returns the probability of each of `languages` to be the one spoken in a clip, float32 [samples] at 16 kHz."""


@contextmanager
def in_language(model: AsrModel, language: str) -> Iterator[None]:
    """Temporarily makes a model write another language than the one it is being trained on."""
    learnt, model.language = model.language, language
    try:
        yield
    finally:
        model.language = learnt


def own_frames(samples: Sequence[int], frames: int) -> tuple[int, ...]:
    """Returns how many of a padded batch's frames belong to each clip, in proportion to its samples."""
    return tuple(min(frames, round(frames * n / max(samples))) for n in samples)
