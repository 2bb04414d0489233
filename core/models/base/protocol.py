"""What every model family can do, so that training, comparing and the page need not know which one they hold."""

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

if TYPE_CHECKING:  # what lists models or waits for its turn must not load torch
    import torch
    from torch import nn

FRONT = -1  # a `Depth.layers`
Pause = Callable[[], None]  # called between steps of long work, where something else may compute meanwhile
PIECE_SECONDS = 16.0  # a usual `AsrModel.piece_seconds`: wav2vec 2.0 hears what pads a clip, and little of it pads so few


@dataclass(frozen=True)
class Transcript:
    """What a model wrote.

    Attributes:
        text: on one line.
        confidence: mean log probability of the tokens or frames it is made of, at most 0.
        guarded: whether the most probable text was thrown away because it repeated itself or was too improbable.
        language: ISO 639-1 code it was written in, given or detected; "" where the model does not say.
    """

    text: str
    confidence: float
    guarded: bool = False
    language: str = ""


@dataclass(frozen=True)
class Example:
    """One clip as a model's loss takes it.

    Attributes:
        features: what the network reads, e.g. log-mel float32 [mels, frames] or samples float32 [samples].
        labels: int64 [tokens].
        seconds: duration of the clip's sound, without padding.
        sound: its fingerprint, see `core.audio.sound_files.fingerprint`: what is kept of the clip goes by it.
    """

    features: torch.Tensor
    labels: torch.Tensor
    seconds: float
    sound: str

    @cached_property
    def key(self) -> str:
        """The key of all that is read of the clip, see `core.storage.cache.key_of`; worked out once."""
        return key_of([self.seconds, *self.features.shape, self.features.numpy().tobytes()])


@dataclass(frozen=True)
class Features:
    """What a network reads, after its feature extractor: where a clip can still be masked or disturbed.

    Attributes:
        values: float32 [clips, ...], padded to one length.
        frames: of each clip along the axis of time, without padding.
        time: the axis of time.
        bands: the axis of frequency bands, or None where the network reads samples.
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
    """How far up a network a prefix reaches: what it computes of a clip depends on the sound and on `weights`, no others.

    Attributes:
        layers: of the encoder that it takes in, 0 or more; FRONT for the convolutions alone, of which something is still
            dropped or masked before the first layer reads it; None for all below the decoder or the head.
        weights: parameters and buffers below, by name.
    """

    layers: int | None
    weights: tuple[tuple[str, torch.Tensor], ...]


def no_pause() -> None:
    """Goes straight on: the `Pause` of who has the computer to itself."""


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
        language: ISO 639-1 code of what it writes, or "" where it does not say.
        thin: whether it leaves out most of the silence it pads clips with; False where a family does not pad.
        fresh: parameters that were not pretrained, each with a mask of its shape, True where it was drawn anew.
        device: where its network computes; examples stay on the CPU.
        piece_seconds: how much sound it learns from at once on a processor, where memory is the computer's own.
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
        """Learns what training texts need, before training: a token budget, or characters to write them with.

        Args:
            texts: the transcripts.
            seconds: the duration of each clip.
            vocabulary: "keep", "extend", "new" or "auto", see `Recipe.vocabulary`.

        Raises:
            DatasetError: the vocabulary is to be kept and cannot write this language.
        """

    def characters(self) -> frozenset[str] | None:
        """Returns the characters it writes, without the space; None where its tokens can spell any."""

    def example(self, wave: np.ndarray, text: str) -> Example:
        """Turns float32 [samples] at 16 kHz and its transcript into an example.

        Raises:
            DatasetError: the text does not fit the sound, e.g. more labels than frames.
        """

    @property
    def extractor(self) -> Any:
        """The transformers feature extractor that turns sound into what the network reads; None where it has its own."""

    def features(self, batch: Sequence[Example]) -> list[Features]:
        """Returns what the network reads: one for the whole batch, or one a clip in a family that never pads."""

    def depths(self) -> list[Depth]:
        """Returns how far up a prefix may reach, the shortest first; the last is all below the decoder or head."""

    def prefix(
        self, batch: Sequence[Example], features: Sequence[Features] | None = None, depth: int | None = None
    ) -> torch.Tensor:
        """Returns what the part of the network below a depth computes: float [clips, frames, width].

        Args:
            batch: the clips.
            features: what it is to read instead of `features(batch)`, such as a masked or disturbed version of it.
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
            prefix: of `prefix`, which saves computing what is frozen again.
            smoothing: share of the target that is spread over all labels (Szegedy et al. 2015, arXiv 1512.00567).
            depth: at which the prefix ends, as it was given to `prefix`.
        """

    def transcribe(self, waves: Sequence[np.ndarray], pause: Pause = no_pause) -> list[Transcript]:
        """Transcribes float32 [samples] at 16 kHz, each by itself; the same input gives the same text.

        Args:
            waves: the clips.
            pause: called now and then while long sound is transcribed; the model may transcribe something else meanwhile.
        """

    def save(self, folder: Path) -> None:
        """Writes a folder that `load_model` reads, and `from_pretrained` too where transformers knows the family."""


@runtime_checkable
class TranscribesAbove(Protocol):
    """A model that can transcribe from a prefix, so that what is frozen is computed once for all evaluations."""

    def transcribe_above(
        self, waves: Sequence[np.ndarray], prefix: Callable[[Sequence[Example]], torch.Tensor], depth: int | None
    ) -> list[Transcript]:
        """Returns what `transcribe` does.

        Args:
            waves: float32 [samples] at 16 kHz.
            prefix: returns the prefix of a batch, computed or kept.
            depth: at which it ends.
        """


@contextmanager
def in_language(model: AsrModel, language: str) -> Iterator[None]:
    """Lets a model write another language for a moment than the one it is being taught."""
    learnt, model.language = model.language, language
    try:
        yield
    finally:
        model.language = learnt


def own_frames(samples: Sequence[int], frames: int) -> tuple[int, ...]:
    """Returns how many of a padded batch's frames belong to each clip, by its share of the longest clip's samples."""
    return tuple(min(frames, round(frames * n / max(samples))) for n in samples)
