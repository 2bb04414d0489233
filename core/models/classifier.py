"""A recogniser's encoder with a classification head, for a closed set of words such as the ten digits."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModelForAudioClassification

from core.audio.sound_files import MAX_CLIP_SECONDS, SAMPLE_RATE, fingerprint
from core.errors import DatasetError, ModelError
from core.models.base import layers, pretrained
from core.models.base.device import autocast, choose_device
from core.models.base.protocol import (
    PIECE_SECONDS,
    AsrModel,
    Depth,
    Example,
    Features,
    Layer,
    Pause,
    Transcript,
    named_weights,
    no_pause,
    own_frames,
)
from core.models.base.random_numbers import RandomNumbers
from core.models.base.vocabulary import Fitted
from core.models.whisper.network import FRAMES_PER_SECOND, convolved, encode, frame_weights, kept_frames, mel_frames
from core.text.scoring import clean, normalise

MAX_CLASSES = 200
WINDOW_SECONDS = MAX_CLIP_SECONDS  # longer clips are cut off: a word is shorter
ARCHITECTURES = ("ForSequenceClassification", "ForAudioClassification")  # endings of the architecture name in config.json


class Classifier:
    """A transformers `AutoModelForAudioClassification` as an `AsrModel`: it outputs one of the texts it was trained on.

    The encoder's frames are projected and averaged over the clip, and a linear layer, trained with cross-entropy, scores
    the classes. With Whisper, the average covers only the speech: transformers' own forward averages over the whole 30 s
    window, in which half a second of a word is lost. Saved files load in transformers, but score worse than here.

    Args:
        id: the model's id in the catalogue, or as the user gave it.
        network: the loaded network; its `config.id2label` are the texts.
        extractor: its feature extractor.
        language: ISO 639-1 code; texts that are equal after its normalisation are one class.
        device: "auto", "cpu", "cuda".
        precision: "auto", "float32" or "bfloat16".
    """

    family = "classifier"
    piece_seconds = PIECE_SECONDS

    def __init__(
        self, id: str, network: Any, extractor: Any, language: str = "", device: str = "auto", precision: str = "auto"
    ) -> None:
        self.id = id
        self.device = choose_device(device)
        self.network = network.float().to(self.device).eval()
        self.language = language
        self.precision = precision
        self.thin = self._is_whisper
        self.fresh: dict[nn.Parameter, torch.Tensor] = {}
        self._extractor = extractor
        self._texts = [network.config.id2label[i] for i in range(network.config.num_labels)]
        self._classes = {normalise(text, language or "en"): i for i, text in enumerate(self._texts)}

    @classmethod
    def load(
        cls, id: str, folder: str, language: str = "", device: str = "auto", precision: str = "auto", **fetch: Any
    ) -> Self:
        """Loads from a Hugging Face folder; `fetch` goes to `from_pretrained`.

        Raises:
            ModelError: a part is missing, or does not fit the others.
        """
        extractor = pretrained.load_extractor(id, folder, **fetch)
        network = pretrained.load_network(id, AutoModelForAudioClassification, folder, **fetch)
        return cls(id, network, extractor, language, device, precision)

    @classmethod
    def from_recogniser(cls, model: AsrModel, texts: Sequence[str], precision: str = "auto", seed: int = 0) -> Self:
        """Puts a new head for the given texts on a copy of a recogniser's encoder.

        The head's weights are initialised as in transformers for the family.

        Args:
            model: the recogniser; it is not changed.
            texts: the training transcripts; those that are equal after normalisation are one class.
            precision: as for `load`.
            seed: for the head's weights.

        Raises:
            DatasetError: the number of different texts is not between 2 and 200.
            ModelError: transformers has no classification head for the family.
        """
        known: dict[str, str] = {}
        for text in texts:
            known.setdefault(normalise(text, model.language or "en"), clean(text))
        if not 2 <= len(known) <= MAX_CLASSES:
            raise DatasetError(
                "classes_count",
                f"There are {len(known)} different texts; a classifier takes 2 to {MAX_CLASSES}. "
                "Use it for a fixed set of words, or train a recogniser.",
                count=len(known),
                limit=MAX_CLASSES,
            )
        if model.extractor is None:
            raise _no_head(model)
        base: Any = model.network
        config = copy.deepcopy(base.config)
        config.id2label = dict(enumerate(known[key] for key in sorted(known)))
        config.label2id = {text: i for i, text in config.id2label.items()}
        try:
            with RandomNumbers(seed):
                network = AutoModelForAudioClassification.from_config(config)
        except ValueError as error:
            raise _no_head(model) from error
        ours, theirs = (
            (network.encoder, base.model.encoder) if model.family == "whisper" else (network.base_model, base.base_model)
        )
        ours.load_state_dict(theirs.state_dict())
        made = cls(model.id, network, model.extractor, model.language, str(model.device), precision)
        head = (layer for layer in made.layers() if layer.part == "head")
        made.fresh = {p: torch.ones_like(p, dtype=torch.bool) for layer in head for p in layer.parameters}
        return made

    def layers(self) -> list[Layer]:
        """Returns the front (convolutions), the encoder's layers, and the head (projection and classes)."""
        trained = layers.by_name(self.network, lambda name: name.startswith(("projector.", "classifier.")))
        positions = (
            getattr(getattr(self.network.encoder, "embed_positions", None), "weight", None) if self._is_whisper else None
        )
        return [Layer(e.name, e.part, tuple(p for p in e.parameters if p is not positions)) for e in trained]

    def fit_to(self, texts: Sequence[str], seconds: Sequence[float], vocabulary: str = "auto") -> Fitted:
        """Does nothing: the classes were fixed when the head was made."""
        return Fitted()

    def characters(self) -> frozenset[str] | None:
        """Returns None: it outputs whole texts."""
        return None

    def example(self, wave: np.ndarray, text: str) -> Example:
        """Returns the network's input and the class as int64 [1].

        Raises:
            DatasetError: the text is not one of the classes.
        """
        label = self._classes.get(normalise(text, self.language or "en"))
        if label is None:
            raise DatasetError("class_unknown", f"{text[:60]!r} is not one of the words this classifier knows.", text=text[:60])
        return Example(torch.from_numpy(self._cut(wave)), torch.tensor([label]), len(wave) / SAMPLE_RATE, fingerprint(wave))

    @property
    def extractor(self) -> Any:
        """The transformers feature extractor."""
        return self._extractor

    def features(self, batch: Sequence[Example]) -> list[Features]:
        """Returns the encoder's input: samples [clips, samples], or a spectrum."""
        waves = [example.features.numpy() for example in batch]
        values = self._inputs(waves)[self._input_name]
        if self._is_whisper:
            return [Features(values, mel_frames([len(wave) / SAMPLE_RATE for wave in waves], values.shape[2]), time=2, bands=1)]
        frames = own_frames([len(wave) for wave in waves], values.shape[1])
        return [Features(values, frames, time=1, bands=None if values.dim() == 2 else 2)]

    def depths(self) -> list[Depth]:
        """Returns only the whole encoder, which the default recipe freezes; cutting it below a layer is not supported."""
        return [Depth(None, named_weights(self.network.encoder if self._is_whisper else self.network.base_model))]

    def prefix(
        self, batch: Sequence[Example], features: Sequence[Features] | None = None, depth: int | None = None
    ) -> torch.Tensor:
        """Returns the encoder's output, float [clips, frames, width]."""
        return self._encode([example.features.numpy() for example in batch], features)

    def loss(
        self,
        batch: Sequence[Example],
        prefix: torch.Tensor | None = None,
        smoothing: float = 0.0,
        depth: int | None = None,
    ) -> torch.Tensor:
        """Returns the mean cross-entropy in nats."""
        frames = self.prefix(batch) if prefix is None else prefix
        labels = torch.cat([example.labels for example in batch]).to(self.device)
        scores = self._scores(frames, [len(e.features) for e in batch])
        return functional.cross_entropy(scores, labels, label_smoothing=smoothing)

    @torch.no_grad()
    def transcribe(self, waves: Sequence[np.ndarray], pause: Pause = no_pause) -> list[Transcript]:
        """Returns the most probable class of each clip, and its log probability; pauses between clips."""
        self.network.eval()
        results = []
        for wave in (self._cut(wave) for wave in waves):
            best, label = self._scores(self._encode([wave]), [len(wave)])[0].log_softmax(-1).max(-1)
            results.append(Transcript(self._texts[int(label)], float(best)))
            pause()
        return results

    def save(self, folder: Path) -> None:
        """Writes the network and its feature extractor."""
        self.network.save_pretrained(folder)
        self._extractor.save_pretrained(folder)

    @property
    def _is_whisper(self) -> bool:
        return self.network.config.model_type == "whisper"

    def _cut(self, wave: np.ndarray) -> np.ndarray:
        return wave[: int(WINDOW_SECONDS * SAMPLE_RATE)]

    @property
    def _input_name(self) -> str:
        return self._extractor.model_input_names[0]

    def _inputs(self, waves: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        padded = {} if self._is_whisper else {"padding": True}  # Whisper's extractor always pads to its window
        inputs = self._extractor(list(waves), sampling_rate=SAMPLE_RATE, return_tensors="pt", **padded)
        return {name: value.to(self.device) for name, value in inputs.items()}

    def _encode(self, waves: Sequence[np.ndarray], features: Sequence[Features] | None = None) -> torch.Tensor:
        inputs = self._inputs(waves)
        if features is not None:
            inputs[self._input_name] = features[0].values
        with autocast(self.device, self.precision):
            if self._is_whisper:
                positions = kept_frames([len(wave) / SAMPLE_RATE for wave in waves]) if self.thin else None
                read = convolved(self.network.encoder, inputs["input_features"], positions)
                weights = None if positions is None else frame_weights(positions).to(self.device)
                return encode(self.network.encoder, read, weights)
            return self.network.base_model(**inputs)[0]

    def _scores(self, frames: torch.Tensor, samples: Sequence[int]) -> torch.Tensor:
        """Returns logits, float32 [clips, classes]: projected frames, averaged over each clip without padding, and scored."""
        with autocast(self.device, self.precision):
            projected = self.network.projector(frames)
            rate = FRAMES_PER_SECOND / SAMPLE_RATE if self._is_whisper else frames.shape[1] / max(samples)
            own = [max(1, round(rate * n)) for n in samples]
            pooled = torch.stack([row[:n].mean(dim=0) for row, n in zip(projected, own, strict=True)])
            return self.network.classifier(pooled).float()


def _no_head(model: AsrModel) -> ModelError:
    return ModelError("no_classifier", f"{model.id} has no classification head in transformers.", id=model.id)
