"""Whisper's decoder, a token at a time, for transcribing.

transformers' own converts its weights to bfloat16 for every token once they are frozen, and torch's fused attention is slow
for a single query; here the weights are converted once and attention is two small products.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional


@dataclass(eq=False)
class Memory:
    """The decoder's state for a batch: keys and values of the sound and of the text so far.

    Attributes:
        sound: of each layer, keys [clips * heads, width of a head, frames] and values [clips * heads, frames, width].
        weights: [clips * heads, 1, frames], of `frame_weights`; None if all frames are present.
        text: of each layer, keys and values [clips * heads, tokens, width of a head] of the text so far; None at first.
        length: number of tokens so far.
    """

    sound: list[tuple[torch.Tensor, torch.Tensor]]
    weights: torch.Tensor | None
    text: list[tuple[torch.Tensor, torch.Tensor] | None]
    length: int = 0


class Decoder:
    """A decoder with a copy of the current weights in one precision; adapters are merged in.

    Args:
        network: a WhisperForConditionalGeneration.
        dtype: of the matrix products.
    """

    def __init__(self, network: Any, dtype: torch.dtype) -> None:
        decoder = network.model.decoder
        self.size: int = network.config.vocab_size
        self.dtype = dtype
        self._heads = network.config.decoder_attention_heads
        self._layers = [_Layer(layer, dtype) for layer in decoder.layers]
        self._norm = decoder.layer_norm
        self._tokens = decoder.embed_tokens.weight.detach()
        self._positions = decoder.embed_positions.weight.detach()
        self._output = network.proj_out.weight.detach().to(dtype)

    def begin(self, frames: torch.Tensor, weights: torch.Tensor | None = None) -> Memory:
        """Starts from the encoder's output, float [clips, frames, width], and `frame_weights`, float [clips, frames]."""
        frames = frames.to(self.dtype)
        sound = []
        for layer in self._layers:
            key, value = (self._split(product) for product in layer.sound(frames).chunk(2, dim=-1))
            sound.append((key.transpose(1, 2).contiguous(), value.contiguous()))
        if weights is not None:
            weights = weights.to(self.dtype).repeat_interleave(self._heads, 0)[:, None]
        return Memory(sound, weights, [None] * len(self._layers))

    def write(self, memory: Memory, tokens: torch.Tensor) -> torch.Tensor:
        """Adds tokens int64 [clips, tokens]; returns the last layer, [clips, tokens, width], normalised."""
        count, start = tokens.shape[1], memory.length
        hidden = self._tokens[tokens] + self._positions[start : start + count]
        unseen = None
        if count > 1:  # of a prompt: each token sees those before it
            there = torch.arange(start + count, device=tokens.device)
            unseen = torch.zeros(count, start + count, device=tokens.device, dtype=self.dtype)
            unseen.masked_fill_(there > there[start:, None], -torch.inf)
        for i, layer in enumerate(self._layers):
            query, key, value = layer.text(layer.text_norm(hidden).to(self.dtype)).chunk(3, dim=-1)
            key, value = self._split(key), self._split(value)
            before = memory.text[i]
            if before is not None:
                key, value = torch.cat([before[0], key], dim=1), torch.cat([before[1], value], dim=1)
            memory.text[i] = (key, value)
            hidden = hidden + layer.text_out(self._attend(query, key.transpose(1, 2), value, unseen))
            query = layer.query(layer.sound_norm(hidden).to(self.dtype))
            hidden = hidden + layer.sound_out(self._attend(query, *memory.sound[i], memory.weights))
            hidden = hidden + layer.narrow(layer.activation(layer.wide(layer.last_norm(hidden).to(self.dtype))))
        memory.length += count
        return self._norm(hidden).to(self.dtype)

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """Returns the logits of the next token, float32 [..., vocabulary]."""
        return functional.linear(hidden, self._output).float()

    def keep(self, memory: Memory, rows: torch.Tensor) -> None:
        """Drops all clips except those at some positions, int64 [clips]."""

        def kept(pair: tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
            first, second = (side.unflatten(0, (-1, self._heads))[rows].flatten(0, 1) for side in pair)
            return first, second

        if memory.weights is not None:
            memory.weights = memory.weights.unflatten(0, (-1, self._heads))[rows].flatten(0, 1)
        memory.sound = [kept(pair) for pair in memory.sound]
        memory.text = [pair if pair is None else kept(pair) for pair in memory.text]

    def _split(self, values: torch.Tensor) -> torch.Tensor:
        """[clips, length, width] -> [clips * heads, length, width of a head]."""
        return values.unflatten(-1, (self._heads, -1)).transpose(1, 2).flatten(0, 1)

    def _attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, shift: torch.Tensor | None) -> torch.Tensor:
        logits = torch.bmm(self._split(query), key)
        mixed = torch.bmm((logits if shift is None else logits + shift).softmax(-1), value)
        return mixed.unflatten(0, (-1, self._heads)).transpose(1, 2).flatten(2)


class _Linear:
    """Some projections of one input as one, the first of them scaled."""

    def __init__(self, modules: list[Any], dtype: torch.dtype, scale: float = 1.0) -> None:
        merged = [_merged(module) for module in modules]
        scales = [scale] + [1.0] * (len(merged) - 1)
        weights = [module.weight.detach() * factor for module, factor in zip(merged, scales, strict=True)]
        biases = [
            torch.zeros_like(weight[:, 0]) if module.bias is None else module.bias.detach() * factor
            for module, weight, factor in zip(merged, weights, scales, strict=True)
        ]
        self._weight, self._bias = torch.cat(weights).to(dtype), torch.cat(biases).to(dtype)

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        return functional.linear(hidden, self._weight, self._bias)


class _Layer:
    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        own, other = layer.self_attn, layer.encoder_attn
        self.text = _Linear([own.q_proj, own.k_proj, own.v_proj], dtype, own.scaling)
        self.text_out = _Linear([own.out_proj], dtype)
        self.query = _Linear([other.q_proj], dtype, other.scaling)
        self.sound = _Linear([other.k_proj, other.v_proj], dtype)
        self.sound_out = _Linear([other.out_proj], dtype)
        self.wide, self.narrow = _Linear([layer.fc1], dtype), _Linear([layer.fc2], dtype)
        self.activation = layer.activation_fn
        self.text_norm, self.sound_norm = layer.self_attn_layer_norm, layer.encoder_attn_layer_norm
        self.last_norm = layer.final_layer_norm


def _merged(module: Any) -> Any:
    """Returns a projection with its adapter, if there is one, merged into a copy."""
    if not hasattr(module, "merge"):
        return module
    alone = copy.deepcopy(module)
    alone.merge()
    return alone.get_base_layer()
