"""Splits transformers' speech encoders below one of their layers, so that the lower part is computed only once per clip.

Both parts run transformers' own forward pass. For the upper part, cheap stand-ins replace the modules below the cut, and the
kept values enter before the first layer above it, so masks, positions, norms and everything after the layers are computed
as usual. Parakeet can be cut below any layer; wav2vec 2.0 and its relatives, SEW(-D) and wav2vec2-BERT below any but the
first; and those that take raw samples also right after their convolutions, before any dropout or masking of their output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from core.models.base.protocol import FRONT, Depth, named_weights
from core.models.cpu.convolutions import quick_convolutions
from core.models.cpu.stand_in import standing_in

# Encoders whose forward pass has been checked, by config.model_type; any other can only be frozen as a whole.
TYPES = frozenset({
    "wav2vec2", "wav2vec2-conformer", "wav2vec2-bert", "hubert", "wavlm", "unispeech", "unispeech-sat", "sew", "sew-d",
    "data2vec-audio", "parakeet_encoder",
})  # fmt: skip


def depths(encoder: Any) -> list[Depth]:
    """Returns the depths at which an encoder may be cut, the lowest first.

    Everything outside the layers counts as below all of them, even a norm that is applied last: a recipe trains it only if
    it trains all layers, and finding out what is applied last would need a list for each family.
    """
    whole = Depth(None, named_weights(encoder))
    if encoder.config.model_type not in TYPES:
        return [whole]
    layers = _layers(encoder)
    front = [Depth(FRONT, named_weights(encoder.feature_extractor))] if hasattr(encoder, "feature_extractor") else []
    if getattr(_stack(encoder)[0], "conv", None) is not None:  # SEW-D may apply a convolution after its first layer
        return [*front, whole]
    # Masking acts on the first layer's input: irrelevant if that layer is frozen, but it must stay on if it is trained.
    first = 1 if hasattr(encoder, "_mask_hidden_states") else 0
    return [*front, *(Depth(i, named_weights(encoder, layers[i:])) for i in range(first, len(layers))), whole]


def lower(encoder: Any, inputs: Mapping[str, torch.Tensor], depth: int | None) -> torch.Tensor:
    """Returns the output of the part below a depth, float [clips, frames, width].

    Args:
        encoder: a transformers speech encoder, in evaluation mode: cached values must be deterministic.
        inputs: its inputs.
        depth: see `Depth.layers`.
    """
    with quick_convolutions(encoder):
        if depth is None:
            return encoder(**inputs)[0]
        if depth == FRONT:
            return encoder.feature_extractor(inputs["input_values"]).transpose(1, 2)
        reached: list[torch.Tensor] = []
        layers = _layers(encoder)
        # Whatever follows the layers, at most a norm, is applied to the same values, and its result ignored.
        _run(encoder, inputs, [*layers[:depth], _doing(_keeping(reached, tells_bias=_tells_bias(layers[0])))])
        return reached[0]


def upper(encoder: Any, inputs: Mapping[str, torch.Tensor], depth: int | None, kept: torch.Tensor) -> torch.Tensor:
    """Returns the last hidden layer, float [clips, frames, width], from `lower`'s output for the same clips.

    Args:
        encoder: a transformers speech encoder; in training, dropout and layer drop apply above the depth as usual.
        inputs: its inputs; only their lengths matter, for the mask.
        depth: see `Depth.layers`.
        kept: float [clips, frames, width], from `lower`.
    """
    if depth is None:
        return kept
    if depth == FRONT:
        with standing_in(encoder.feature_extractor, lambda values: kept.transpose(1, 2)):
            return encoder(**inputs)[0]
    inner, layers = _inner(encoder), _layers(encoder)
    share = _layer_drop(_stack(encoder)[0]) if encoder.training else 0.0
    above = [layer for layer in layers[depth:] if not (share and torch.rand(()) < share)]
    bias = _position_bias(layers[0], kept)
    entrance = _doing(lambda *given, **named: kept if bias is None else (kept, bias))
    with ExitStack() as changes:
        for name in ("feature_extractor", "subsampling"):
            if hasattr(encoder, name):
                empty = _empty(encoder, name, inputs, kept)
                changes.enter_context(standing_in(getattr(encoder, name), lambda *given, empty=empty: empty))
        if hasattr(inner, "pos_conv_embed"):
            changes.enter_context(standing_in(inner.pos_conv_embed, lambda hidden: hidden))
        return _run(encoder, inputs, [entrance, *above])[0]


def _keeping(reached: list[torch.Tensor], tells_bias: bool) -> Callable[..., Any]:
    """Returns a layer function that stores its input and passes it on."""

    def keep(hidden: torch.Tensor, *given: Any, position_bias: Any = None, **named: Any) -> Any:
        reached.append(hidden)
        return (hidden, position_bias) if tells_bias else hidden

    return keep


def _run(encoder: Any, inputs: Mapping[str, torch.Tensor], layers: Sequence[nn.Module]) -> Any:
    """Runs an encoder with the given layers in place of its own, without layer drop and input masking."""
    stack, name = _stack(encoder)
    with (
        _changed(encoder, "training", False),  # its own flag, not its modules'
        _changed(stack, "training", False),
        _changed(stack, name, nn.ModuleList(layers)),
    ):
        return encoder(**inputs)


def _inner(encoder: Any) -> Any:
    return getattr(encoder, "encoder", encoder)  # Parakeet has no inner encoder


def _stack(encoder: Any) -> tuple[Any, str]:
    """Returns the module that applies the layers, and the name of its layer list."""
    inner = _inner(encoder)
    if hasattr(inner, "encoder"):  # SEW-D
        return inner.encoder, "layer"
    return inner, "layers"


def _layers(encoder: Any) -> list[Any]:
    stack, name = _stack(encoder)
    return list(getattr(stack, name))


def _layer_drop(stack: Any) -> float:
    """Returns the layer drop probability; 0 for SEW-D, whose stack has no configuration."""
    return getattr(stack, "layerdrop", getattr(getattr(stack, "config", None), "layerdrop", 0.0))


def _position_bias(first: Any, kept: torch.Tensor) -> torch.Tensor | None:
    """Returns the position bias that WavLM's first layer passes to all others: float [clips * heads, frames, frames]."""
    if not _tells_bias(first):
        return None
    return first.attention.compute_bias(kept.shape[1], kept.shape[1]).repeat(len(kept), 1, 1)


def _tells_bias(first: Any) -> bool:
    """Returns whether a first layer is WavLM's, whose layers pass on a position bias with the hidden values."""
    return hasattr(getattr(first, "attention", None), "rel_attn_embed")


def _empty(encoder: Any, name: str, inputs: Mapping[str, torch.Tensor], kept: torch.Tensor) -> torch.Tensor:
    """Returns zeros in the output shape of an encoder's convolutions; their values do not affect the result."""
    if name == "subsampling":
        return torch.zeros_like(kept)
    frames = kept.shape[1]
    if hasattr(encoder.config, "squeeze_factor"):  # SEW's layers have fewer frames than its convolutions
        frames = int(encoder._get_feat_extract_output_lengths(torch.tensor(inputs["input_values"].shape[1])))
    return kept.new_zeros(len(kept), encoder.config.conv_dim[-1], frames)


def _doing(compute: Callable[..., Any]) -> nn.Module:
    """Returns a module that calls a function."""
    module: Any = nn.Identity()
    module.forward = compute
    return module


@contextmanager
def _changed(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
