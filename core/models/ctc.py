"""CTC recognisers of transformers: wav2vec 2.0, HuBERT, WavLM and kin, one label or blank a frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import AutoFeatureExtractor, AutoModelForCTC, AutoTokenizer

from core.audio import SAMPLE_RATE
from core.errors import ModelError
from core.models import characters
from core.models.base import Example, Layer, Transcript
from core.models.device import autocast, choose_device
from core.text import clean

WINDOW_SECONDS = 24.0  # long sound is read in windows of this length
STRIDE_SECONDS = 2.0  # of overlap on either side, whose frames are thrown away

_LAYER = re.compile(r"\bencoder\.layers\.(\d+)\.")
_FRONT = re.compile(r"\b(feature_extractor|feature_projection|feature_encoder|subsampling)\b")


class Ctc:
    """A transformers `AutoModelForCTC` as an `AsrModel`.

    Args:
        id: what the catalogue or the user calls it.
        network: the loaded network.
        extractor: its feature extractor.
        tokenizer: its character vocabulary; the pad token is CTC's blank.
        language: ISO 639-1 code, if known; only scores use it.
        device: "auto", "cpu", "cuda".
        precision: "auto", "float32" or "bfloat16".
    """

    family = "ctc"

    def __init__(
        self,
        id: str,
        network: Any,
        extractor: Any,
        tokenizer: Any,
        language: str = "",
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        self.id = id
        self.device = choose_device(device)
        self.network = network.float().to(self.device).eval()
        self.language = language
        self.precision = precision
        self.thin = False
        self._extractor = extractor
        self._tokenizer = tokenizer
        self._input_name = extractor.model_input_names[0]
        self._head = next(name for name in ("lm_head", "ctc_head") if hasattr(network, name))

    @classmethod
    def load(
        cls, id: str, folder: str, language: str = "", device: str = "auto", precision: str = "auto", **fetch: Any
    ) -> Self:
        """Loads from a Hugging Face folder or hub id; `fetch` goes to `from_pretrained`.

        Raises:
            ModelError: the checkpoint was only pretrained and has no vocabulary to write with.
        """
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder, **fetch)
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(
                "model_no_vocabulary",
                f"{id} has no vocabulary: it was pretrained but never taught to write. Choose a CTC model that was fine-tuned.",
                id=id,
            ) from error
        extractor = AutoFeatureExtractor.from_pretrained(folder, **fetch)
        network = AutoModelForCTC.from_pretrained(folder, **fetch)
        return cls(id, network, extractor, tokenizer, language, device, precision)

    def layers(self) -> list[Layer]:
        """Returns the front (convolutions and projections), the encoder's layers, and the CTC head."""
        grouped: dict[str, list[nn.Parameter]] = {"front": []}
        for name, parameter in self.network.named_parameters():
            found = _LAYER.search(name)
            if name.startswith(f"{self._head}."):
                key = "head"
            elif found:
                key = f"encoder.{found[1]}"
            else:
                key = "front" if _FRONT.search(name) else "encoder.rest"
            grouped.setdefault(key, []).append(parameter)
        order = ["front", "encoder.rest", *sorted((k for k in grouped if _is_numbered(k)), key=_number), "head"]
        return [Layer(k, k.split(".")[0], tuple(grouped[k])) for k in order if k in grouped]

    def check_text(self, texts: Sequence[str]) -> dict[str, int]:
        """Returns the characters of `texts` that are not in the vocabulary, with their counts.

        Raises:
            DatasetError: they are so many that the model cannot write this language.
        """
        return characters.unwritable(self.id, texts, self._vocabulary)

    def fit_to(self, texts: Sequence[str], seconds: Sequence[float]) -> None:
        """Does nothing: CTC's output length follows the sound."""

    def example(self, wave: np.ndarray, text: str) -> Example:
        """Returns samples float32 [samples] and characters; characters outside the vocabulary are left out.

        Raises:
            DatasetError: more labels than frames, or no label at all.
        """
        labels = self._tokenizer(clean(characters.writable(text, self._vocabulary))).input_ids
        characters.refuse_misfit(labels, self._frames(len(wave)), len(wave), text)
        return Example(torch.from_numpy(wave), torch.tensor(labels), len(wave) / SAMPLE_RATE)

    def prefix(self, batch: Sequence[Example]) -> torch.Tensor:
        """Returns the last hidden layer, float [clips, frames, width]."""
        with autocast(self.device, self.precision):
            return self.network.base_model(**self._inputs([e.features.numpy() for e in batch]))[0]

    def loss(self, batch: Sequence[Example], prefix: torch.Tensor | None = None) -> torch.Tensor:
        """Returns CTC's negative log likelihood (Graves et al. 2006), each clip's divided by its labels, averaged."""
        hidden = self.prefix(batch) if prefix is None else prefix
        with autocast(self.device, self.precision):
            logits = getattr(self.network, self._head)(hidden)
        longest = max(len(e.features) for e in batch)
        frames = [min(hidden.shape[1], round(hidden.shape[1] * len(e.features) / longest)) for e in batch]
        return functional.ctc_loss(
            logits.float().log_softmax(-1).transpose(0, 1),
            torch.cat([e.labels for e in batch]).to(self.device),
            torch.tensor(frames),
            torch.tensor([len(e.labels) for e in batch]),
            blank=self._tokenizer.pad_token_id,
            reduction="mean",
            zero_infinity=True,
        )

    @torch.no_grad()
    def transcribe(self, waves: Sequence[np.ndarray]) -> list[Transcript]:
        """Transcribes by the most probable label of each frame; long sound in overlapping windows."""
        self.network.eval()
        return [self._greedy(wave) for wave in waves]

    def save(self, folder: Path) -> None:
        """Writes network, feature extractor and vocabulary."""
        self.network.save_pretrained(folder)
        self._extractor.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)

    @property
    def _vocabulary(self) -> frozenset[str]:
        return frozenset(self._tokenizer.get_vocab()) - frozenset(self._tokenizer.all_special_tokens)

    def _inputs(self, waves: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        inputs = self._extractor(list(waves), sampling_rate=SAMPLE_RATE, padding=True, return_tensors="pt")
        return {name: value.to(self.device) for name, value in inputs.items()}

    def _frames(self, samples: int) -> int:
        inner = self.network.base_model
        if self._input_name == "input_values" and hasattr(inner, "_get_feat_extract_output_lengths"):
            return int(inner._get_feat_extract_output_lengths(torch.tensor(samples)))
        return samples * 25 // SAMPLE_RATE  # the coarsest of the families: 40 ms a frame

    def _greedy(self, wave: np.ndarray) -> Transcript:
        window, stride = (int(s * SAMPLE_RATE) for s in (WINDOW_SECONDS, STRIDE_SECONDS))
        parts = []
        for start in range(0, max(1, len(wave) - stride), window - 2 * stride):
            piece = wave[start : start + window]
            with autocast(self.device, self.precision):
                logits = self.network(**self._inputs([piece])).logits[0].float()
            rate = len(logits) / len(piece)
            left = round(stride * rate) if start else 0
            right = round((window - stride) * rate) if start + window < len(wave) else len(logits)
            parts.append(logits[left:right])
            if start + window >= len(wave):
                break
        logits = torch.cat(parts)
        best, labels = logits.log_softmax(-1).max(-1)
        return Transcript(clean(self._tokenizer.decode(labels.tolist())), float(best.mean()))


def _is_numbered(key: str) -> bool:
    return key.startswith("encoder.") and key != "encoder.rest"


def _number(key: str) -> int:
    return int(key.split(".")[1])
