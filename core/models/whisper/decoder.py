"""Whisper's decoder, a token at a time, for transcribing.

transformers' own converts its weights to bfloat16 for every token once they are frozen, and torch's fused attention is slow
for a single query; here the weights are converted once and attention is two small products. On a CPU without bfloat16 they
are kept in half precision: see `core.models.cpu.half_weights`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from core.models.cpu import half_weights
from core.models.cpu.half_weights import HalfLinear

SAMPLED = 16  # values of each tensor that `weights_now` compares

Pair = tuple[torch.Tensor, torch.Tensor]
Linear = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class SoundKeys:
    """What the decoder takes from the sound of a batch; several attempts at its texts can share it.

    Attributes:
        layers: of each layer, keys [clips * heads, width of a head, frames] and values [clips * heads, frames, width].
        weights: [clips * heads, 1, frames], of `frame_weights`; None if all frames are present.
    """

    layers: list[Pair]
    weights: torch.Tensor | None


@dataclass(frozen=True, eq=False)
class Output:
    """A converted output layer.

    Attributes:
        scores: computes the logits.
        weights: of `weights_now` when it was converted.
    """

    scores: Linear
    weights: list[object] | None


@dataclass(eq=False)
class Memory:
    """The decoder's state for a batch.

    Attributes:
        sound: keys and values of the sound.
        text: of each layer, keys and values [clips * heads, room, width of a head], of which those of the text so far are set.
        length: number of tokens so far.
    """

    sound: SoundKeys
    text: list[Pair]
    length: int = 0


class Decoder:
    """A decoder with a copy of the current weights in one precision; adapters are merged in.

    Args:
        network: a WhisperForConditionalGeneration.
        dtype: of the matrix products.
        output: a converted output layer, used again if its weights have not changed.

    Attributes:
        size: of the vocabulary.
        halved: whether the weights are kept in half precision and multiplied as float32.
        output: the output layer if it is halved, which takes long, else None.
    """

    def __init__(self, network: Any, dtype: torch.dtype, output: Output | None = None) -> None:
        decoder = network.model.decoder
        self.size: int = network.config.vocab_size
        self.dtype = dtype
        self._heads = network.config.decoder_attention_heads
        self._tokens = decoder.embed_tokens.weight.detach()
        self.halved = dtype == torch.float32 and self._tokens.device.type == "cpu" and half_weights.supported()
        self._layers = [_Layer(layer, dtype, self.halved) for layer in decoder.layers]
        self._norm = decoder.layer_norm
        self._positions = decoder.embed_positions.weight.detach()
        weights = weights_now(network.proj_out) if self.halved else None
        if output is None or weights is None or output.weights != weights:
            output = Output(_linear(network.proj_out.weight.detach(), None, dtype, self.halved), weights)
        self._scores = output.scores
        self.output = output if self.halved else None

    def begin(self, frames: torch.Tensor, weights: torch.Tensor | None = None) -> SoundKeys:
        """Takes the encoder's output, float [clips, frames, width], and `frame_weights`, float [clips, frames]."""
        frames = frames.to(self.dtype)
        layers = []
        for layer in self._layers:
            key, value = (self._split(product) for product in layer.sound(frames).chunk(2, dim=-1))
            layers.append((key.transpose(1, 2).contiguous(), value.contiguous()))
        if weights is not None:
            weights = weights.to(self.dtype).repeat_interleave(self._heads, 0)[:, None]
        return SoundKeys(layers, weights)

    def start(self, sound: SoundKeys, room: int, rows: torch.Tensor | None = None) -> Memory:
        """Starts texts of up to `room` tokens, prompts included: of all clips, or of those at some rows, int64 [texts]."""
        sound = sound if rows is None else self._chosen_sound(sound, rows)
        text = []
        for _, frames in sound.layers:
            shape = (len(frames), room, frames.shape[2])
            text.append((frames.new_empty(shape), frames.new_empty(shape)))
        return Memory(sound, text)

    def write(self, memory: Memory, tokens: torch.Tensor) -> torch.Tensor:
        """Adds tokens int64 [texts, tokens]; returns the last layer, [texts, tokens, width], normalised."""
        count, start = tokens.shape[1], memory.length
        end = start + count
        hidden = self._tokens[tokens] + self._positions[start:end]
        unseen = None
        if count > 1:  # of a prompt: each token sees those before it
            there = torch.arange(end, device=tokens.device)
            unseen = torch.zeros(count, end, device=tokens.device, dtype=self.dtype)
            unseen.masked_fill_(there > there[start:, None], -torch.inf)
        for layer, (keys, values), sound in zip(self._layers, memory.text, memory.sound.layers, strict=True):
            query, key, value = layer.text(layer.text_norm(hidden).to(self.dtype)).chunk(3, dim=-1)
            keys[:, start:end], values[:, start:end] = self._split(key), self._split(value)
            hidden = hidden + layer.text_out(self._attend(query, keys[:, :end].transpose(1, 2), values[:, :end], unseen))
            query = layer.query(layer.sound_norm(hidden).to(self.dtype))
            hidden = hidden + layer.sound_out(self._attend(query, *sound, memory.sound.weights))
            hidden = hidden + layer.narrow(layer.activation(layer.wide(layer.last_norm(hidden).to(self.dtype))))
        memory.length = end
        return self._norm(hidden).to(self.dtype)

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """Returns the logits of the next token, float32 [..., vocabulary]."""
        return self._scores(hidden).float()

    def keep(self, memory: Memory, rows: torch.Tensor) -> None:
        """Drops all texts except those at some positions, int64 [texts]."""
        memory.sound = self._chosen_sound(memory.sound, rows)
        memory.text = [(self._chosen(keys, rows), self._chosen(values, rows)) for keys, values in memory.text]

    def _chosen_sound(self, sound: SoundKeys, rows: torch.Tensor) -> SoundKeys:
        layers = [(self._chosen(keys, rows), self._chosen(values, rows)) for keys, values in sound.layers]
        return SoundKeys(layers, None if sound.weights is None else self._chosen(sound.weights, rows))

    def _chosen(self, values: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        return values.unflatten(0, (-1, self._heads))[rows].flatten(0, 1)

    def _split(self, values: torch.Tensor) -> torch.Tensor:
        """[clips, length, width] -> [clips * heads, length, width of a head]."""
        return values.unflatten(-1, (self._heads, -1)).transpose(1, 2).flatten(0, 1)

    def _attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, shift: torch.Tensor | None) -> torch.Tensor:
        logits = torch.bmm(self._split(query), key)
        mixed = torch.bmm((logits if shift is None else logits + shift).softmax(-1), value)
        return mixed.unflatten(0, (-1, self._heads)).transpose(1, 2).flatten(2)


class _Layer:
    def __init__(self, layer: Any, dtype: torch.dtype, halved: bool) -> None:
        def joined(*modules: Any, scale: float = 1.0) -> Linear:
            return _joined(modules, scale, dtype, halved)

        own, other = layer.self_attn, layer.encoder_attn
        self.text = joined(own.q_proj, own.k_proj, own.v_proj, scale=own.scaling)
        self.text_out = joined(own.out_proj)
        self.query = joined(other.q_proj, scale=other.scaling)
        self.sound = joined(other.k_proj, other.v_proj)
        self.sound_out = joined(other.out_proj)
        self.wide, self.narrow = joined(layer.fc1), joined(layer.fc2)
        self.activation = layer.activation_fn
        self.text_norm, self.sound_norm = layer.self_attn_layer_norm, layer.encoder_attn_layer_norm
        self.last_norm = layer.final_layer_norm


def weights_now(module: nn.Module) -> list[object] | None:
    """Returns what changes when a module's weights do; None if that cannot be told, as with adapters.

    A fused optimiser leaves no trace on weights, but it changes all of a tensor, so that some values tell.
    """
    if any(hasattr(part, "merge") for part in module.modules()):
        return None
    seen: list[object] = []
    for weights in module.parameters():
        values = weights.detach().flatten()
        sample = values[:: max(1, len(values) // SAMPLED)].tolist()
        seen.append((weights.data_ptr(), weights._version, weights.shape, sample))
    return seen


def _joined(modules: Sequence[Any], scale: float, dtype: torch.dtype, halved: bool) -> Linear:
    """Returns some projections of one input as one, the first of them scaled."""
    merged = [_merged(module) for module in modules]
    scales = [scale] + [1.0] * (len(merged) - 1)
    weights = [module.weight.detach() * factor for module, factor in zip(merged, scales, strict=True)]
    biases = [
        torch.zeros_like(weight[:, 0]) if module.bias is None else module.bias.detach() * factor
        for module, weight, factor in zip(merged, weights, scales, strict=True)
    ]
    return _linear(torch.cat(weights), torch.cat(biases), dtype, halved)


def _linear(weight: torch.Tensor, bias: torch.Tensor | None, dtype: torch.dtype, halved: bool) -> Linear:
    if halved:
        return HalfLinear(weight, bias)
    return partial(functional.linear, weight=weight.to(dtype), bias=None if bias is None else bias.to(dtype))


def _merged(module: Any) -> Any:
    """Returns a projection with its adapter, if there is one, merged into a copy."""
    if not hasattr(module, "merge"):
        return module
    alone = copy.deepcopy(module)
    alone.merge()
    return alone.get_base_layer()
