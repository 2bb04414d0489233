"""CTC recognisers of transformers: wav2vec 2.0, HuBERT, WavLM and relatives, with one label or blank per frame."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import AutoConfig, AutoModelForCTC, AutoTokenizer

from core.audio.sound_files import SAMPLE_RATE, fingerprint
from core.errors import ModelError
from core.models.base import ctc_loss, layers, pretrained
from core.models.base import vocabulary as vocabularies
from core.models.base.device import autocast, choose_device
from core.models.base.long_sound import is_long, one_by_one
from core.models.base.protocol import PIECE_SECONDS, Depth, Example, Features, Layer, Pause, Transcript, no_pause, own_frames
from core.models.base.vocabulary import Fitted
from core.models.cpu.convolutions import quick_convolutions
from core.models.cpu.linear import few_rows
from core.models.ctc import frozen_prefix
from core.models.ctc.tokenizer import tokenizer_of
from core.models.sources.hub import fetch_one_more
from core.text.scoring import clean, recognised
from core.text.scripts import lowered

WINDOW_SECONDS = 24.0  # longer sound is transcribed in pieces; a piece that is still longer, and any to align, in windows
STRIDE_SECONDS = 2.0  # overlap on either side, whose frames are discarded
HEADS = "lm_head|ctc_head"  # what the families call their output layer
NEW_ROW_STD = 0.02  # of a new character's weights, if the model's configuration gives none

# MMS (Pratap et al. 2023) names its adapters by ISO 639-3 code; these are the ones whose two-letter code the page offers.
MMS_NAMES = {
    "en": "eng", "zh": "cmn-script_simplified", "es": "spa", "fr": "fra", "de": "deu", "pt": "por", "it": "ita",
    "ru": "rus", "ar": "ara", "hi": "hin", "ja": "jpn", "ko": "kor", "sw": "swh", "be": "bel",
}  # fmt: skip

_ADAPTER = re.compile(r"\badapter_layer\.")


class Ctc:
    """A transformers `AutoModelForCTC` as an `AsrModel`.

    Args:
        id: the model's id in the catalogue, or as the user gave it.
        network: the loaded network.
        extractor: its feature extractor.
        tokenizer: its character vocabulary, whose pad token is CTC's blank; None if the checkpoint was only
            pretrained and never trained to transcribe.
        language: ISO 639-1 code, if known; scores and the case of labels use it.
        device: "auto", "cpu", "cuda".
        precision: "auto", "float32" or "bfloat16".
    """

    family = "ctc"
    piece_seconds = PIECE_SECONDS

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
        self.fresh: dict[nn.Parameter, torch.Tensor] = {}
        self._extractor = extractor
        self._tokenizer = tokenizer
        self._input_name = extractor.model_input_names[0]
        self._head = next(name for name in HEADS.split("|") if hasattr(network, name))

    @classmethod
    def load(
        cls, id: str, folder: str, language: str = "", device: str = "auto", precision: str = "auto", **fetch: Any
    ) -> Self:
        """Loads from a Hugging Face folder; `fetch` goes to `from_pretrained`.

        Raises:
            ModelError: a part is missing or does not fit the others, or there is no adapter for the language.
        """
        config = AutoConfig.from_pretrained(folder, **fetch)
        extractor = pretrained.load_extractor(id, folder, **fetch)
        tokenizer: Any = None
        if any(name.endswith("ForCTC") for name in config.architectures or ()):  # otherwise it was only pretrained
            try:
                tokenizer = AutoTokenizer.from_pretrained(folder, **fetch)
            except (OSError, ValueError, TypeError) as error:
                raise ModelError(
                    "model_no_vocabulary", f"{id} is a CTC model without a vocabulary. Add its vocab.json.", id=id
                ) from error
        adapters: dict[str, Any] = {}
        if language and getattr(config, "adapter_attn_dim", None) and hasattr(tokenizer, "set_target_lang"):
            adapters = {"target_lang": _adapter_name(id, language, tokenizer.vocab)}
            fetch_one_more(id, folder, f"adapter.{adapters['target_lang']}.safetensors")
            tokenizer.set_target_lang(adapters["target_lang"])
        new = rf"({HEADS})\..*" if tokenizer is None or adapters else ""
        network = pretrained.load_network(id, AutoModelForCTC, folder, new, **adapters, **fetch)
        model = cls(id, network, extractor, tokenizer, language, device, precision)
        if model.writes:
            pretrained.refuse_labels_beyond(id, model._labels(), network.config.vocab_size)
        return model

    def layers(self) -> list[Layer]:
        """Returns the front (convolutions and projections), the encoder's layers, and the CTC head."""
        return layers.by_name(
            self.network,
            lambda name: name.startswith(f"{self._head}.") or bool(_ADAPTER.search(name)),  # a language's adapters too
        )

    def fit_to(self, texts: Sequence[str], seconds: Sequence[float], vocabulary: str = "auto") -> Fitted:
        """Keeps, extends or replaces the vocabulary and with it the output layer, see `Recipe.vocabulary`."""
        fitted, characters = vocabularies.fit(self.id, texts, self._characters(), vocabulary, self.language)
        if fitted.kind != "kept":
            self._write_with(characters)
        return fitted

    def characters(self) -> frozenset[str] | None:
        """Returns the characters of its vocabulary; None if it was only pretrained and will get a new one."""
        return frozenset(self._characters()) if self.writes else None

    def example(self, wave: np.ndarray, text: str) -> Example:
        """Returns samples float32 [samples] and characters; characters outside the vocabulary are left out.

        Raises:
            DatasetError: more labels than frames, or no label at all.
        """
        labels = self.labels(text)
        vocabularies.refuse_misfit(labels, self._frames(len(wave)), len(wave), text)
        return Example(torch.from_numpy(wave), torch.tensor(labels), len(wave) / SAMPLE_RATE, fingerprint(wave))

    @property
    def writes(self) -> bool:
        """Whether it was ever trained to transcribe."""
        return self._tokenizer is not None

    def labels(self, text: str) -> list[int]:
        """Returns the labels of a text's characters, leaving out those outside the vocabulary."""
        return list(self._tokenizer(clean(vocabularies.writable(text, self._vocabulary, self.language))).input_ids)

    @property
    def blank(self) -> int:
        """The label for no character."""
        return self._tokenizer.pad_token_id

    @property
    def space(self) -> int | None:
        """The label between words, or None if there is none."""
        return self._tokenizer.get_vocab().get(self._space)

    @property
    def extractor(self) -> Any:
        """The transformers feature extractor."""
        return self._extractor

    def features(self, batch: Sequence[Example]) -> list[Features]:
        """Returns samples, float32 [clips, samples], or the spectrum, [clips, frames, bands], for families that take one."""
        values = self._inputs([e.features.numpy() for e in batch])[self._input_name]
        frames = own_frames([len(e.features) for e in batch], values.shape[1])
        return [Features(values, frames, time=1, bands=None if values.dim() == 2 else 2)]

    def depths(self) -> list[Depth]:
        """Returns the depths at which `frozen_prefix` can cut: after the convolutions, below layers and above all."""
        return frozen_prefix.depths(self._encoder)

    def prefix(
        self, batch: Sequence[Example], features: Sequence[Features] | None = None, depth: int | None = None
    ) -> torch.Tensor:
        """Returns the output of the convolutions, of some layers, or the last hidden layer: float [clips, frames, width]."""
        inputs = self._inputs([e.features.numpy() for e in batch])
        if features is not None:
            inputs[self._input_name] = features[0].values
        with self._computing():
            return frozen_prefix.lower(self._encoder, inputs, depth)

    def loss(
        self,
        batch: Sequence[Example],
        prefix: torch.Tensor | None = None,
        smoothing: float = 0.0,
        depth: int | None = None,
    ) -> torch.Tensor:
        """Returns CTC's negative log likelihood (Graves et al. 2006) per label of each clip, averaged over clips."""
        hidden = self.prefix(batch) if prefix is None else self._above(batch, prefix, depth)
        with self._computing():
            logits = getattr(self.network, self._head)(hidden)
        frames = own_frames([len(e.features) for e in batch], hidden.shape[1])
        return ctc_loss.ctc(logits.float(), frames, [e.labels for e in batch], self._tokenizer.pad_token_id, smoothing)

    @torch.no_grad()
    def transcribe(self, waves: Sequence[np.ndarray], pause: Pause = no_pause) -> list[Transcript]:
        """Transcribes by the most probable label of each frame; a model that was only pretrained writes nothing.

        Sound over 24 s is cut at its pauses; it pauses between the pieces.
        """
        if not self.writes:
            return [Transcript("", 0.0) for _ in waves]
        with self._computing(), quick_convolutions(self._encoder):  # weights are converted once for all clips
            short = {i: self._whole(wave) for i, wave in enumerate(waves) if not is_long(wave, WINDOW_SECONDS)}
        return [short[i] if i in short else self._in_pieces(wave, pause) for i, wave in enumerate(waves)]

    @torch.no_grad()
    def transcribe_above(
        self, waves: Sequence[np.ndarray], prefix: Callable[[Sequence[Example]], torch.Tensor], depth: int | None
    ) -> list[Transcript]:
        """Transcribes like `transcribe`, from a prefix up to a depth; long sound from the bottom, in pieces."""
        self.network.eval()
        with self._computing():
            return [
                self._in_pieces(wave)
                if is_long(wave, WINDOW_SECONDS)
                else self._written(self._log_probs_above(wave, prefix, depth))
                for wave in waves
            ]

    @torch.no_grad()
    def log_probs(self, wave: np.ndarray) -> torch.Tensor:
        """Returns the log probability of each label, float32 [frames, labels]; long sound in overlapping windows."""
        self.network.eval()
        window, stride = (int(s * SAMPLE_RATE) for s in (WINDOW_SECONDS, STRIDE_SECONDS))
        parts = []
        for start in range(0, max(1, len(wave) - stride), window - 2 * stride):
            piece = wave[start : start + window]
            inputs = self._inputs([piece])
            with self._computing(), quick_convolutions(self._encoder):
                logits = self.network(**inputs).logits[0].float()
            rate = len(logits) / len(piece)
            left = round(stride * rate) if start else 0
            right = round((window - stride) * rate) if start + window < len(wave) else len(logits)
            parts.append(logits[left:right])
            if start + window >= len(wave):
                break
        return torch.cat(parts).log_softmax(-1)

    def save(self, folder: Path) -> None:
        """Writes network, feature extractor and vocabulary."""
        self.network.save_pretrained(folder)
        self._extractor.save_pretrained(folder)
        if self._tokenizer is not None:
            self._tokenizer.save_pretrained(folder)
        language = getattr(self._tokenizer, "target_lang", None)
        if language and getattr(self.network.config, "adapter_attn_dim", None):
            adapters = {name: value.contiguous() for name, value in self.network._get_adapters().items()}
            save_file(adapters, folder / f"adapter.{language}.safetensors", {"format": "pt"})

    def _log_probs_above(
        self, wave: np.ndarray, prefix: Callable[[Sequence[Example]], torch.Tensor], depth: int | None
    ) -> torch.Tensor:
        unlabelled = torch.empty(0, dtype=torch.int64)
        batch = [Example(torch.from_numpy(wave), unlabelled, len(wave) / SAMPLE_RATE, fingerprint(wave))]
        hidden = self._above(batch, prefix(batch), depth)
        return getattr(self.network, self._head)(hidden)[0].float().log_softmax(-1)

    def _above(self, batch: Sequence[Example], kept: torch.Tensor, depth: int | None) -> torch.Tensor:
        """Returns the last hidden layer from a prefix."""
        if depth is None:
            return kept
        inputs = self._inputs([e.features.numpy() for e in batch])  # for the mask
        with self._computing():
            return frozen_prefix.upper(self._encoder, inputs, depth, kept)

    @contextmanager
    def _computing(self) -> Iterator[None]:
        with autocast(self.device, self.precision), few_rows(self.network, self.device):
            yield

    @property
    def _encoder(self) -> Any:
        inner = self.network.base_model
        return inner if inner is not self.network else self.network.encoder  # Parakeet has no base model

    @property
    def _vocabulary(self) -> frozenset[str]:
        if self._tokenizer is None:
            return frozenset()
        return frozenset(self._tokenizer.get_vocab()) - frozenset(self._tokenizer.all_special_tokens)

    def _characters(self) -> list[str]:
        ids = self._tokenizer.get_vocab() if self._tokenizer is not None else {}
        return sorted((t for t in self._vocabulary if len(t) == 1 and t != self._space), key=lambda t: ids[t])

    def _labels(self) -> list[int]:
        """Returns the labels of all that it writes besides spaces, and the blank; none if it writes nothing else."""
        ids, written = self._tokenizer.get_vocab(), self._vocabulary - {self._space}
        blank = -1 if self._tokenizer.pad_token_id is None else self._tokenizer.pad_token_id
        return [blank, *(ids[token] for token in written)] if written else []

    @property
    def _space(self) -> str:
        return getattr(self._tokenizer, "word_delimiter_token", None) or vocabularies.SPACE

    def _write_with(self, characters: Sequence[str]) -> None:
        """Gives the network an output layer for other characters.

        The rows of blank, space and every character of the old layer, in either case, are kept; a new character's weights
        are drawn from a normal distribution with the network's own initial spread, and its bias is 0.
        """
        tokenizer = tokenizer_of(characters)
        rows: dict[str, int] = {}
        if self._tokenizer is not None:
            known = self._tokenizer.get_vocab()
            for case in (str.lower, lambda c: lowered(c, self.language), str):  # the letter itself before its other case
                rows |= {case(c): known[c] for c in self._characters()}
            rows |= {vocabularies.BLANK: self._tokenizer.pad_token_id}
            if self._space in known:
                rows[vocabularies.SPACE] = known[self._space]
        head = getattr(self.network, self._head)
        std = getattr(self.network.config, "initializer_range", NEW_ROW_STD)
        weight = torch.normal(0.0, std, (len(tokenizer), *head.weight.shape[1:]))
        bias, drawn = torch.zeros(len(tokenizer)), torch.ones(len(tokenizer), dtype=torch.bool)
        for token, i in tokenizer.get_vocab().items():
            if token in rows:
                weight[i], bias[i] = head.weight.detach()[rows[token]].cpu(), head.bias.detach()[rows[token]].cpu()
                drawn[i] = False
        head.weight, head.bias = nn.Parameter(weight.to(self.device)), nn.Parameter(bias.to(self.device))
        drawn = drawn.to(self.device)
        rows_of = drawn.view(-1, *[1] * (weight.dim() - 1)).expand_as(weight)
        self.fresh = {head.weight: rows_of, head.bias: drawn}
        setattr(head, "out_channels" if hasattr(head, "out_channels") else "out_features", len(tokenizer))
        self.network.config.vocab_size = len(tokenizer)
        self.network.config.pad_token_id = tokenizer.pad_token_id
        self._tokenizer = tokenizer

    def _inputs(self, waves: Sequence[np.ndarray]) -> dict[str, torch.Tensor]:
        inputs = self._extractor(list(waves), sampling_rate=SAMPLE_RATE, padding=True, return_tensors="pt")
        return {name: value.to(self.device) for name, value in inputs.items()}

    def _frames(self, samples: int) -> int:
        inner = self.network.base_model
        if self._input_name == "input_values" and hasattr(inner, "_get_feat_extract_output_lengths"):
            return int(inner._get_feat_extract_output_lengths(torch.tensor(samples)))
        return samples * 25 // SAMPLE_RATE  # the coarsest of the families: 40 ms per frame

    def _in_pieces(self, wave: np.ndarray, pause: Pause = no_pause) -> Transcript:
        return one_by_one([wave], WINDOW_SECONDS, self._whole, self.language, pause)[0]

    def _whole(self, wave: np.ndarray) -> Transcript:
        return self._written(self.log_probs(wave))

    def _written(self, log_probs: torch.Tensor) -> Transcript:
        best, labels = log_probs.max(-1)
        written = self._tokenizer.decode(labels.tolist(), skip_special_tokens=True)  # a new head may write <unk>
        return Transcript(recognised(written), float(best.mean()))


def _adapter_name(id: str, language: str, vocabularies: Mapping[str, Any]) -> str:
    """Returns the name of a language's adapters in an MMS model, which uses ISO 639-3 codes.

    Raises:
        ModelError: the model has none for that language.
    """
    name = MMS_NAMES.get(language, language)
    if name not in vocabularies:
        raise ModelError(
            "language_unknown",
            f"{id} has no adapters for the language {language!r}. Give its ISO 639-3 code, such as swh or cmn.",
            id=id,
            language=language,
        )
    return name
