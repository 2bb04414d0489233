"""Encoder-decoder models of transformers other than Whisper: Moonshine and Speech2Text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import AutoModelForSpeechSeq2Seq
from transformers.modeling_outputs import BaseModelOutput

from core.audio.sound_files import MAX_CLIP_SECONDS, SAMPLE_RATE, fingerprint
from core.models.base import pretrained
from core.models.base.device import autocast, choose_device
from core.models.base.long_sound import one_by_one
from core.models.base.pretrained import SENTENCE
from core.models.base.protocol import PIECE_SECONDS, Depth, Example, Features, Layer, Pause, Transcript, named_weights, no_pause
from core.models.base.vocabulary import Fitted, spelled
from core.models.whisper import decoding
from core.models.whisper.model import SETTINGS_FILE
from core.storage.files import read_json, write_json
from core.text.scoring import MAX_COMPRESSION_RATIO, clean, compression_ratio, recognised

MODEL_TYPES = ("moonshine", "speech_to_text")
WINDOW_SECONDS = MAX_CLIP_SECONDS  # longer sound is transcribed piece by piece
WORD_MARKS = frozenset("▁| ")  # mark words in a vocabulary; not characters of a text
REPETITION_PENALTY = 1.3  # of the second attempt, if the first repeats itself


class Seq2Seq:
    """A transformers `AutoModelForSpeechSeq2Seq` as an `AsrModel`. Clips are processed one at a time, so none is padded.

    Args:
        id: the model's id in the catalogue, or as the user gave it.
        network: the loaded network.
        extractor: its feature extractor.
        tokenizer: its tokeniser.
        language: ISO 639-1 code, if known; scores and the case of labels use it.
        device: "auto", "cpu", "cuda".
        precision: "auto", "float32" or "bfloat16".
    """

    family = "seq2seq"
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
        self._known = _characters(tokenizer)
        self._tokens_per_second = decoding.TOKENS_PER_SECOND
        self._end = network.config.eos_token_id

    @classmethod
    def load(
        cls, id: str, folder: str, language: str = "", device: str = "auto", precision: str = "auto", **fetch: Any
    ) -> Self:
        """Loads from a Hugging Face folder; `fetch` goes to `from_pretrained`.

        Raises:
            ModelError: a part is missing, or does not fit the others.
        """
        extractor = pretrained.load_extractor(id, folder, **fetch)
        tokenizer = pretrained.load_tokenizer(id, folder, **fetch)
        network = pretrained.load_network(id, AutoModelForSpeechSeq2Seq, folder, **fetch)
        model = cls(id, network, extractor, tokenizer, language, device, precision)
        pretrained.refuse_mute(id, tokenizer, network.config.vocab_size, model._some_text())
        settings = Path(folder) / SETTINGS_FILE
        if settings.is_file():
            model._tokens_per_second = float(read_json(settings)["tokens_per_second"])
        return model

    def layers(self) -> list[Layer]:
        """Returns the convolutions, encoder layers, decoder layers, and embeddings with the output layer."""
        encoder, decoder = self.network.model.encoder, self.network.model.decoder
        front = [module for name, module in encoder.named_children() if name.startswith(("conv", "groupnorm"))]
        listed = [
            Layer("front", "front", tuple(p for module in front for p in module.parameters())),
            *(Layer(f"encoder.{i}", "encoder", tuple(m.parameters())) for i, m in enumerate(encoder.layers)),
            Layer("encoder.norm", "encoder", tuple(encoder.layer_norm.parameters())),
            *(Layer(f"decoder.{i}", "decoder", tuple(m.parameters())) for i, m in enumerate(decoder.layers)),
        ]
        seen = {id(p) for layer in listed for p in layer.parameters}
        rest = [(n, p) for n, p in self.network.named_parameters() if id(p) not in seen and "embed_positions" not in n]
        norms = tuple(p for name, p in rest if "norm" in name)
        head = tuple(p for name, p in rest if "norm" not in name)
        return [*listed, Layer("decoder.norm", "decoder", norms), Layer("embeddings", "head", head)]

    def fit_to(self, texts: Sequence[str], seconds: Sequence[float], vocabulary: str = "auto") -> Fitted:
        """Raises the token budget if these texts need more tokens per second; the vocabulary stays the same."""
        tokens = [len(self._tokens(text)) for text in texts]
        self._tokens_per_second = decoding.fitted_rate(self._tokens_per_second, tokens, seconds)
        return Fitted()

    def characters(self) -> frozenset[str] | None:
        """Returns the characters of its tokens; None if it has byte tokens and can write anything."""
        return self._known

    def example(self, wave: np.ndarray, text: str) -> Example:
        """Returns samples, float32 [samples], and the text's tokens with the end token as labels.

        Raises:
            DatasetError: the clip is longer than 30 s, or its text longer than the decoder's positions.
        """
        seconds = len(wave) / SAMPLE_RATE
        labels = [*self._tokens(text), self._end]
        decoding.refuse_too_long(seconds, WINDOW_SECONDS, len(labels), self._positions, text)
        return Example(torch.from_numpy(wave), torch.tensor(labels), seconds, fingerprint(wave))

    @property
    def extractor(self) -> Any:
        """The transformers feature extractor."""
        return self._extractor

    def features(self, batch: Sequence[Example]) -> list[Features]:
        """Returns, clip by clip, samples float32 [1, samples] (Moonshine) or a spectrum [1, frames, bands] (Speech2Text)."""
        read = [next(iter(self._inputs(e.features.numpy()).values())) for e in batch]
        return [Features(values, (values.shape[1],), time=1, bands=None if values.dim() == 2 else 2) for values in read]

    def depths(self) -> list[Depth]:
        """Returns only the whole encoder; cutting it below a layer is not supported."""
        return [Depth(None, named_weights(self.network.model.encoder))]

    def prefix(
        self, batch: Sequence[Example], features: Sequence[Features] | None = None, depth: int | None = None
    ) -> torch.Tensor:
        """Returns the encoder's output, float [clips, frames, width]; shorter clips are padded with zeros."""
        read = self.features(batch) if features is None else features
        return nn.utils.rnn.pad_sequence([self._encode(one.values)[0] for one in read], batch_first=True)

    def loss(
        self,
        batch: Sequence[Example],
        prefix: torch.Tensor | None = None,
        smoothing: float = 0.0,
        depth: int | None = None,
    ) -> torch.Tensor:
        """Returns the mean cross-entropy in nats over the batch's text and end tokens."""
        hidden = self.prefix(batch) if prefix is None else prefix
        total = []
        for row, example in zip(hidden, batch, strict=True):
            frames = BaseModelOutput(last_hidden_state=row[None, : self._frames(example.features.numpy())])
            frames.attention_mask = None  # Moonshine expects the attribute; nothing is padded
            with autocast(self.device, self.precision):
                labels = example.labels.to(self.device)
                logits = self.network(encoder_outputs=frames, labels=labels[None]).logits[0]
            total.append(functional.cross_entropy(logits.float(), labels, label_smoothing=smoothing, reduction="sum"))
        return torch.stack(total).sum() / sum(len(example.labels) for example in batch)

    @torch.no_grad()
    def transcribe(self, waves: Sequence[np.ndarray], pause: Pause = no_pause) -> list[Transcript]:
        """Transcribes greedily within a token budget; if the text repeats itself, tries again with a repetition penalty.

        Sound over 30 s is cut at its pauses; it pauses after every piece.
        """
        self.network.eval()
        return one_by_one(waves, WINDOW_SECONDS, self._read, self.language, pause)

    def save(self, folder: Path) -> None:
        """Writes network, feature extractor and tokeniser."""
        self.network.save_pretrained(folder)
        self._extractor.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)
        write_json(folder / SETTINGS_FILE, {"tokens_per_second": self._tokens_per_second})

    def _some_text(self) -> str:
        known = self.characters()
        return SENTENCE if known is None else "".join(sorted(c for c in known if c.isalpha())[:10])

    @property
    def _positions(self) -> int:
        config = self.network.config
        return getattr(config, "max_target_positions", None) or config.max_position_embeddings

    def _tokens(self, text: str) -> list[int]:
        written = text if self._known is None else spelled(text, self._known, self.language)
        return self._tokenizer(clean(written), add_special_tokens=False).input_ids

    def _inputs(self, wave: np.ndarray) -> dict[str, torch.Tensor]:
        shortest = SAMPLE_RATE // 10  # the convolutions need a minimum of samples
        inputs = self._extractor(
            [np.pad(wave, (0, max(0, shortest - len(wave))))], sampling_rate=SAMPLE_RATE, return_tensors="pt"
        )
        name = self._extractor.model_input_names[0]
        return {name: inputs[name].to(self.device)}  # no mask: nothing is padded

    def _encode(self, values: torch.Tensor) -> torch.Tensor:
        with autocast(self.device, self.precision):
            return self.network.model.encoder(values).last_hidden_state

    def _frames(self, wave: np.ndarray) -> int:
        length = next(iter(self._inputs(wave).values())).shape[1]
        return int(self.network._get_feat_extract_output_lengths(torch.tensor(length)))

    def _read(self, wave: np.ndarray) -> Transcript:
        room = self._positions - 2
        budget = decoding.budget(len(wave) / SAMPLE_RATE, self._tokens_per_second, room)
        first = self._generate(wave, budget)
        if compression_ratio(first.text) <= MAX_COMPRESSION_RATIO:
            return first
        second = self._generate(wave, budget, repetition_penalty=REPETITION_PENALTY)
        return Transcript(second.text, second.confidence, guarded=True)

    def _generate(self, wave: np.ndarray, budget: int, **how: Any) -> Transcript:
        with autocast(self.device, self.precision):
            out = self.network.generate(
                **self._inputs(wave),
                max_new_tokens=budget,
                max_length=None,
                num_beams=1,
                do_sample=False,
                return_dict_in_generate=True,
                output_logits=True,
                **how,
            )
        written = out.sequences[0, -len(out.logits) :]
        scores = torch.stack([step[0].float().log_softmax(-1) for step in out.logits])
        confidence = float(scores.gather(1, written[:, None]).mean())
        return Transcript(recognised(self._tokenizer.decode(written, skip_special_tokens=True)), confidence)


def _characters(tokenizer: Any) -> frozenset[str] | None:
    """Returns the characters of a tokeniser's tokens; None if it has byte tokens, which spell any."""
    tokens = tokenizer.get_vocab()
    if "<0x00>" in tokens:
        return None
    return frozenset("".join(set(tokens) - set(tokenizer.all_special_tokens))) - WORD_MARKS
