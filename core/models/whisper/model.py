"""Whisper: an encoder over 30 s of log-mel frames and a decoder that writes tokens."""

from __future__ import annotations

import math
import zlib
from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from transformers import WhisperFeatureExtractor, WhisperForConditionalGeneration, WhisperProcessor, WhisperTokenizer

from core.audio.sound_files import MAX_CLIP_SECONDS, SAMPLE_RATE, fingerprint
from core.errors import ModelError
from core.models.base import pretrained
from core.models.base.device import autocast, choose_device, computing_type
from core.models.base.long_sound import by_pieces, is_long
from core.models.base.protocol import Depth, Example, Features, Layer, Pause, Transcript, named_weights, no_pause
from core.models.base.vocabulary import Fitted
from core.models.whisper import decoding, special_tokens
from core.models.whisper.decoder import Decoder, Output, weights_now
from core.models.whisper.network import (
    FRAMES_PER_SECOND,
    convolved,
    decode,
    encode,
    frame_weights,
    kept_frames,
    log_mel,
    mel_frames,
    padded,
)
from core.models.whisper.token_loss import TokenLoss, fed_and_wanted
from core.storage.files import read_json, write_json
from core.text.scoring import clean, recognised

WINDOW_SECONDS = MAX_CLIP_SECONDS  # what the encoder was trained on; shorter sound is padded with silence
BUCKET_FRAMES = 100  # clips whose speech rounds up to the same 2 s are transcribed in one batch
TRANSCRIBE_BATCH = 16  # clips
PIECE_BUCKET_FRAMES = 500  # 10 s: the pieces of a long recording are few, and those of one batch share its steps
PIECE_BATCH = 8
SETTINGS_FILE = "attune.json"
SINUSOIDS = r"(model\.)?encoder\.embed_positions\.weight"  # are computed where a checkpoint leaves them out


class Whisper:
    """Whisper as an `AsrModel`.

    Args:
        id: what the catalogue or the user calls it.
        network: the loaded WhisperForConditionalGeneration.
        processor: its WhisperProcessor: feature extractor and tokeniser.
        language: ISO 639-1 code to write; "" detects it in every clip. English-only models know one language.
        device: "auto", "cpu", "cuda".
        precision: "auto", "float32" or "bfloat16".
        thin: whether to leave out most of the padding's frames (see `kept_frames`).
        tokens_per_second: the most tokens per second of speech, besides a fixed allowance.

    Raises:
        ModelError: a multilingual model has no token for `language`.
    """

    family = "whisper"
    piece_seconds = 40.0  # its clips are padded anyway, and each piece converts all weights again

    def __init__(
        self,
        id: str,
        network: Any,
        processor: Any,
        language: str = "",
        device: str = "auto",
        precision: str = "auto",
        thin: bool = True,
        tokens_per_second: float = decoding.TOKENS_PER_SECOND,
    ) -> None:
        self.id = id
        self.device = choose_device(device)
        self.network = network.float().to(self.device).eval()
        self.processor = processor
        self.precision = precision
        self.thin = thin
        self.fresh: dict[nn.Parameter, torch.Tensor] = {}
        self.tokens_per_second = tokens_per_second
        self._writes: Decoder | None = None
        self._converted: list[object] | None = None  # the weights that it was made from
        self._output: Output | None = None  # its output layer, which most recipes do not train
        self._token_loss = TokenLoss()
        network.model.decoder.embed_tokens.sparse = True  # otherwise its gradient is a second full table, mostly zeros
        generation = network.generation_config
        self._multilingual = bool(getattr(generation, "is_multilingual", False))
        self.language = language if self._multilingual else "en"
        if self._multilingual and language and f"<|{language}|>" not in generation.lang_to_id:
            raise ModelError(
                "language_unknown",
                f"{id} does not support the language {language!r}. Give an ISO 639-1 code such as en, zh or sw; "
                "without one the language is detected.",
                id=id,
                language=language,
            )
        self._start = network.config.decoder_start_token_id
        self._no_timestamps = generation.no_timestamps_token_id
        self._vocabulary = decoding.Vocabulary(
            end=network.config.eos_token_id,
            no_speech=self._no_timestamps - 1,
            never=tuple({*(generation.suppress_tokens or ()), *range(self._no_timestamps, network.config.vocab_size)}),
            not_first=tuple(generation.begin_suppress_tokens or ()),
        )

    @classmethod
    def load(
        cls, id: str, folder: str, language: str = "", device: str = "auto", precision: str = "auto", **fetch: Any
    ) -> Self:
        """Loads from a Hugging Face folder; `fetch` goes to `from_pretrained`.

        Raises:
            ModelError: a part is missing, or does not fit the others.
        """
        extractor = pretrained.load_extractor(id, folder, WhisperFeatureExtractor, **fetch)
        tokenizer = pretrained.load_tokenizer(id, folder, WhisperTokenizer, **fetch)
        network = pretrained.load_network(id, WhisperForConditionalGeneration, folder, new=SINUSOIDS, **fetch)
        pretrained.refuse_mute(id, tokenizer, network.config.vocab_size)
        pretrained.refuse_other_features(id, extractor.feature_size, network.config.num_mel_bins)
        special_tokens.complete(id, network.generation_config, network.config, tokenizer)
        processor = WhisperProcessor(extractor, tokenizer)
        settings = Path(folder) / SETTINGS_FILE
        kept = read_json(settings) if settings.is_file() else {}
        return cls(
            id,
            network,
            processor,
            language=language or kept.get("language", ""),
            device=device,
            precision=precision,
            tokens_per_second=float(kept.get("tokens_per_second", decoding.TOKENS_PER_SECOND)),
        )

    def layers(self) -> list[Layer]:
        """Returns convolutions, encoder layers, embeddings (which are also the output layer), decoder layers."""
        encoder, decoder = self.network.model.encoder, self.network.model.decoder
        return [
            Layer("front", "front", (*encoder.conv1.parameters(), *encoder.conv2.parameters())),
            *(Layer(f"encoder.{i}", "encoder", tuple(m.parameters())) for i, m in enumerate(encoder.layers)),
            Layer("encoder.norm", "encoder", tuple(encoder.layer_norm.parameters())),
            *(Layer(f"decoder.{i}", "decoder", tuple(m.parameters())) for i, m in enumerate(decoder.layers)),
            Layer("decoder.norm", "decoder", tuple(decoder.layer_norm.parameters())),
            Layer("embeddings", "head", (decoder.embed_tokens.weight, *decoder.embed_positions.parameters())),
        ]

    def fit_to(self, texts: Sequence[str], seconds: Sequence[float], vocabulary: str = "auto") -> Fitted:
        """Raises the token budget if these texts have more tokens per second than English.

        The vocabulary stays: Whisper's byte-level tokens write any character.
        """
        tokens = [len(self._tokens(text)) for text in texts]
        self.tokens_per_second = decoding.fitted_rate(self.tokens_per_second, tokens, seconds)
        return Fitted()

    def characters(self) -> frozenset[str] | None:
        """Returns None: its tokens are bytes, which spell any character."""
        return None

    def example(self, wave: np.ndarray, text: str) -> Example:
        """Returns log-mel features float32 [mels, frames], see `log_mel`, and prompt + tokens + end as labels.

        Raises:
            DatasetError: the clip exceeds 30 s, or its text the decoder's positions.
        """
        seconds = len(wave) / SAMPLE_RATE
        labels = [*self._prompt(self.language or "en"), *self._tokens(text), self._vocabulary.end]
        decoding.refuse_too_long(seconds, WINDOW_SECONDS, len(labels), self.network.config.max_target_positions, text)
        return Example(self._mel(wave), torch.tensor(labels), seconds, fingerprint(wave))

    @property
    def extractor(self) -> Any:
        """The transformers feature extractor."""
        return self.processor.feature_extractor

    def features(self, batch: Sequence[Example]) -> list[Features]:
        """Returns log-mel features float32 [clips, mels, frames], as long as the longest clip and a little more."""
        mel = padded([example.features for example in batch]).to(self.device)
        return [Features(mel, mel_frames([example.seconds for example in batch], mel.shape[2]), time=2, bands=1)]

    def depths(self) -> list[Depth]:
        """Returns any number of the encoder's layers with the convolutions below them, and the whole encoder."""
        encoder = self.network.model.encoder
        below = [named_weights(encoder, [*encoder.layers[i:], encoder.layer_norm]) for i in range(len(encoder.layers))]
        return [*(Depth(i, found) for i, found in enumerate(below)), Depth(None, named_weights(encoder))]

    def prefix(
        self, batch: Sequence[Example], features: Sequence[Features] | None = None, depth: int | None = None
    ) -> torch.Tensor:
        """Returns the input of one of the encoder's layers, or the encoder's output: float [clips, frames, width]."""
        (mel,) = self.features(batch) if features is None else features
        return self._encode(mel.values, self._positions([example.seconds for example in batch]), depth)

    def loss(
        self,
        batch: Sequence[Example],
        prefix: torch.Tensor | None = None,
        smoothing: float = 0.0,
        depth: int | None = None,
    ) -> torch.Tensor:
        """Returns the mean cross-entropy in nats over the batch's text and end tokens (the prompt is given)."""
        if torch.is_grad_enabled():
            self._writes = None  # the weights are about to change, and this frees memory
        positions = self._positions([e.seconds for e in batch])
        frames = self.prefix(batch) if prefix is None else self._above(prefix, positions, depth)
        most, prompt = self.network.config.max_target_positions, len(self._prompt("en"))
        fed, wanted = (side.to(self.device) for side in fed_and_wanted([e.labels for e in batch], prompt, most))
        with autocast(self.device, self.precision):
            hidden = decode(self.network.model.decoder, fed, frames, self._weights(positions))
            return self._token_loss(hidden, self.network.proj_out, wanted, smoothing)

    @torch.no_grad()
    def transcribe(self, waves: Sequence[np.ndarray], pause: Pause = no_pause) -> list[Transcript]:
        """Transcribes, pausing after every token; sound over 30 s is cut at its pauses into pieces transcribed like clips.

        Whisper's own long-form decoding (Radford et al. 2022, section 4.5) steps from window to window by the times that the
        model writes, one window after another, and loses text where it writes them wrong.
        """
        self._begin()
        long = {i for i, wave in enumerate(waves) if is_long(wave, WINDOW_SECONDS)}
        clips = [wave for i, wave in enumerate(waves) if i not in long]
        short = iter(self._in_batches(clips, self.language, BUCKET_FRAMES, TRANSCRIBE_BATCH, pause))
        pieces = partial(self._pieces, pause=pause)
        return [by_pieces(wave, pieces, self.language) if i in long else next(short) for i, wave in enumerate(waves)]

    @torch.no_grad()
    def attention(self, wave: np.ndarray, text: str) -> tuple[torch.Tensor, list[str]]:
        """Returns the decoder's attention to the sound while it writes a given text.

        The encoder processes the clip as for transcribing. Thinning leaves out only padding, so frame i is the sound at
        i / `FRAMES_PER_SECOND` either way.

        Args:
            wave: float32 [samples] at 16 kHz, at most 30 s.
            text: what to write.

        Returns:
            Weights float32 [heads, tokens + 1, frames] of the cross-attention heads that follow the sound, each row
            adding up to 1 over the clip's own frames: row i while token i is written, the last while the text is ended;
            and the text after each token. The heads are those that `generation_config.alignment_heads` names, else all
            of the upper half of the layers, as openai-whisper has it (model.py).

        Raises:
            DatasetError: the clip exceeds 30 s, or its text the decoder's positions.
        """
        self._begin()
        seconds, tokens = len(wave) / SAMPLE_RATE, self._tokens(text)
        length = len(self._prompt("en")) + len(tokens)
        decoding.refuse_too_long(seconds, WINDOW_SECONDS, length, self.network.config.max_target_positions, text)
        frames = self._encode(self._mel(wave)[None], self._positions([seconds]))
        prompt = self._prompt(self.language or self._detect(frames, self._weights(self._positions([seconds])))[0])
        layers = self.network.model.decoder.layers
        heads = self.network.config.decoder_attention_heads
        there = [(layer, head) for layer in range(len(layers)) for head in range(heads)]
        named = {(layer, head) for layer, head in getattr(self.network.generation_config, "alignment_heads", None) or ()}
        chosen = [pair for pair in there if pair in named] or [pair for pair in there if pair[0] >= len(layers) // 2]
        fed = torch.tensor([[*prompt, *tokens]], device=self.device)
        looks: list[tuple[torch.Tensor, torch.Tensor]] = []
        with autocast(self.device, self.precision):
            decode(self.network.model.decoder, fed, frames, self._weights(self._positions([seconds])), looks)
        own = max(1, math.ceil(seconds * FRAMES_PER_SECOND))
        rows = []
        for layer, head in chosen:
            query, key = (side[0, head].float() for side in looks[layer])
            rows.append((query[len(prompt) - 1 :] @ key[:own].T).softmax(-1))
        tokenizer = self.processor.tokenizer
        return torch.stack(rows).cpu(), [tokenizer.decode(tokens[:n]) for n in range(1, len(tokens) + 1)]

    def save(self, folder: Path) -> None:
        """Writes the network, its processor and Attune's own settings."""
        self.network.save_pretrained(folder)
        self.processor.save_pretrained(folder)
        self.extractor.save_pretrained(folder)  # preprocessor_config.json, for faster-whisper and older transformers
        special_tokens.write_vocabulary(folder, self.processor.tokenizer)
        write_json(folder / SETTINGS_FILE, {"language": self.language, "tokens_per_second": self.tokens_per_second})

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it writes, as ISO 639-1 codes."""
        if not self._multilingual:
            return (self.language,)
        return tuple(token.strip("<|>") for token in self.network.generation_config.lang_to_id)

    @torch.no_grad()
    def spoken(self, wave: np.ndarray) -> dict[str, float]:
        """Returns the probability of each of `languages` to be the one spoken in a clip.

        A multilingual Whisper begins by writing the language (Radford et al. 2022, section 2.3; openai/whisper, decoding.py,
        `detect_language`): one pass of the encoder and one step of the decoder.

        Args:
            wave: float32 [samples] at 16 kHz, of which the first 30 s count.
        """
        if not self._multilingual:
            return {self.language: 1.0}
        self._begin()
        wave = wave[: round(WINDOW_SECONDS * SAMPLE_RATE)]
        positions = self._positions([len(wave) / SAMPLE_RATE])
        logits = self._languages(self._encode(self._mel(wave)[None], positions), self._weights(positions))
        return dict(zip(self.languages, logits[0].softmax(-1).tolist(), strict=True))

    def _tokens(self, text: str) -> list[int]:
        return self.processor.tokenizer(" " + clean(text), add_special_tokens=False).input_ids

    def _prompt(self, language: str) -> list[int]:
        if not self._multilingual:
            return [self._start, self._no_timestamps]
        generation = self.network.generation_config
        spoken, task = generation.lang_to_id[f"<|{language}|>"], generation.task_to_id["transcribe"]
        return [self._start, spoken, task, self._no_timestamps]

    def _mel(self, wave: np.ndarray) -> torch.Tensor:
        return log_mel(wave, self.processor.feature_extractor.mel_filters)

    def _positions(self, seconds: Sequence[float]) -> torch.Tensor | None:
        return kept_frames(seconds, self.network.config.max_source_positions) if self.thin else None

    def _encode(self, mel: torch.Tensor, positions: torch.Tensor | None, depth: int | None = None) -> torch.Tensor:
        with autocast(self.device, self.precision):
            encoder = self.network.model.encoder
            read = convolved(encoder, mel.to(self.device), positions)
            return encode(encoder, read, self._weights(positions), end=depth)

    def _above(self, kept: torch.Tensor, positions: torch.Tensor | None, depth: int | None) -> torch.Tensor:
        """Returns the encoder's output from a prefix."""
        if depth is None:
            return kept
        with autocast(self.device, self.precision):
            return encode(self.network.model.encoder, kept, self._weights(positions), first=depth)

    def _weights(self, positions: torch.Tensor | None) -> torch.Tensor | None:
        return None if positions is None else frame_weights(positions).to(self.device)

    def _pieces(self, waves: Sequence[np.ndarray], pause: Pause) -> list[Transcript]:
        """Transcribes the pieces of a recording, all in the language of the longest."""
        longest = max(waves, key=len)
        language = self.language or self._detect(self._encode(self._mel(longest)[None], None), None)[0]
        return self._in_batches(waves, language, PIECE_BUCKET_FRAMES, PIECE_BATCH, pause)

    def _in_batches(
        self, waves: Sequence[np.ndarray], language: str, bucket_frames: int, batch: int, pause: Pause
    ) -> list[Transcript]:
        """Transcribes clips of up to 30 s, those together that are about equally long."""
        results: dict[int, Transcript] = {}
        buckets: dict[int, list[int]] = defaultdict(list)
        for i, wave in enumerate(waves):
            buckets[math.ceil(len(wave) / SAMPLE_RATE * FRAMES_PER_SECOND / bucket_frames)].append(i)
        for bucket, members in sorted(buckets.items()):
            for start in range(0, len(members), batch):
                chosen = members[start : start + batch]
                seconds = bucket * bucket_frames / FRAMES_PER_SECOND
                texts = self._transcribe_batch([waves[i] for i in chosen], seconds, language, pause)
                results.update(zip(chosen, texts, strict=True))
                pause()
        return [results[i] for i in range(len(waves))]

    def _transcribe_batch(self, waves: Sequence[np.ndarray], seconds: float, language: str, pause: Pause) -> list[Transcript]:
        positions = self._positions([seconds] * len(waves))
        frames, weights = self._encode(padded([self._mel(wave) for wave in waves]), positions), self._weights(positions)
        languages = [language] * len(waves) if language else self._detect(frames, weights)
        room = self.network.config.max_target_positions // 2
        budgets = [decoding.budget(len(wave) / SAMPLE_RATE, self.tokens_per_second, room) for wave in waves]
        prompts = torch.tensor([self._prompt(language) for language in languages], device=self.device)
        seeds = [zlib.crc32(wave.tobytes()) for wave in waves]
        writer = self._writer()
        decoded = decoding.decode(writer, frames, prompts, budgets, seeds, self._vocabulary, self._text, weights, pause)
        return [
            Transcript("" if decoding.is_silence(d) else self._text(d.tokens), d.log_probability, d.temperature > 0, language)
            for d, language in zip(decoded, languages, strict=True)
        ]

    def _writer(self) -> Decoder:
        """Returns the decoder with the weights it had when the current clips were begun."""
        assert self._writes is not None, "some clips were begun"
        return self._writes

    def _begin(self) -> None:
        """Begins some clips: converts the decoder's weights if they are not those that were converted last."""
        self.network.eval()
        weights = weights_now(self.network.model.decoder)
        if self._writes is None or weights is None or weights != self._converted:
            with autocast(self.device, self.precision):
                self._writes = Decoder(self.network, computing_type(self.device), self._output)
            self._converted, self._output = weights, self._writes.output

    def _text(self, tokens: list[int]) -> str:
        return recognised(self.processor.tokenizer.decode(tokens, skip_special_tokens=True))

    def _detect(self, frames: torch.Tensor, weights: torch.Tensor | None) -> list[str]:
        return [self.languages[i] for i in self._languages(frames, weights).argmax(-1).tolist()]

    def _languages(self, frames: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        """Returns the logits of `languages` for each clip, float32 [clips, languages]."""
        writer = self._writer()
        start = torch.full((len(frames), 1), self._start, device=self.device)
        memory = writer.start(writer.begin(frames, weights), room=1)
        ids = self.network.generation_config.lang_to_id.values()
        return writer.scores(writer.write(memory, start)[:, 0])[:, list(ids)]
