"""Speech encoders of transformers cut in two below one of their layers, so that the lower part is computed once a clip.

Both parts are transformers' own forward pass. In the upper one's, something cheap stands in for the modules below, and what
was kept enters in front of the first layer above: so masks, positions, norms and all that follows the layers are computed
as ever. Parakeet can be cut below any layer; wav2vec 2.0 and its kin, SEW(-D) and wav2vec2-BERT below any but the first, and
those of them that read samples also above their convolutions, below whatever drops or masks what these compute.
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

# Whose forward pass was looked at, by config.model_type; any other is taken whole.
TYPES = frozenset({
    "wav2vec2", "wav2vec2-conformer", "wav2vec2-bert", "hubert", "wavlm", "unispeech", "unispeech-sat", "sew", "sew-d",
    "data2vec-audio", "parakeet_encoder",
})  # fmt: skip


def depths(encoder: Any) -> list[Depth]:
    """Returns how far up a prefix of an encoder may reach, the shortest first.

    All that is in no layer counts as below every layer, even a norm that is applied last: a recipe trains it only where it
    trains all layers, and to tell what is applied last would take a list for each family.
    """
    whole = Depth(None, named_weights(encoder))
    if encoder.config.model_type not in TYPES:
        return [whole]
    layers = _layers(encoder)
    front = [Depth(FRONT, named_weights(encoder.feature_extractor))] if hasattr(encoder, "feature_extractor") else []
    if getattr(_stack(encoder)[0], "conv", None) is not None:  # SEW-D's may compute one more thing after its first layer
        return [*front, whole]
    # Masking acts on what the first layer reads: it is as good as frozen where that layer is, and must go on where it learns.
    first = 1 if hasattr(encoder, "_mask_hidden_states") else 0
    return [*front, *(Depth(i, named_weights(encoder, layers[i:])) for i in range(first, len(layers))), whole]


def lower(encoder: Any, inputs: Mapping[str, torch.Tensor], depth: int | None) -> torch.Tensor:
    """Returns what lies below a depth computes: float [clips, frames, width].

    Args:
        encoder: a transformers speech encoder, in evaluation mode: what is kept must come out the same every time.
        inputs: what it reads.
        depth: see `Depth.layers`.
    """
    with quick_convolutions(encoder):
        if depth is None:
            return encoder(**inputs)[0]
        if depth == FRONT:
            return encoder.feature_extractor(inputs["input_values"]).transpose(1, 2)
        reached: list[torch.Tensor] = []
        layers = _layers(encoder)
        # What follows the layers, a norm at most, is computed of the same values and not looked at.
        _run(encoder, inputs, [*layers[:depth], _doing(_keeping(reached, tells_bias=_tells_bias(layers[0])))])
        return reached[0]


def upper(encoder: Any, inputs: Mapping[str, torch.Tensor], depth: int | None, kept: torch.Tensor) -> torch.Tensor:
    """Returns the last hidden layer, float [clips, frames, width], from what `lower` computed of the same clips.

    Args:
        encoder: a transformers speech encoder; in training its layers above the depth drop values and are dropped as ever.
        inputs: what it reads. Of the clips beside it in a batch their lengths matter, for the mask.
        depth: see `Depth.layers`.
        kept: float [clips, frames, width], of `lower`.
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
    """Returns what a layer is to do that keeps the values it is given, and hands them on."""

    def keep(hidden: torch.Tensor, *given: Any, position_bias: Any = None, **named: Any) -> Any:
        reached.append(hidden)
        return (hidden, position_bias) if tells_bias else hidden

    return keep


def _run(encoder: Any, inputs: Mapping[str, torch.Tensor], layers: Sequence[nn.Module]) -> Any:
    """Runs an encoder with other layers, none of which it drops, and without masking what they read."""
    stack, name = _stack(encoder)
    with (
        _changed(encoder, "training", False),  # its own, not its modules'
        _changed(stack, "training", False),
        _changed(stack, name, nn.ModuleList(layers)),
    ):
        return encoder(**inputs)


def _inner(encoder: Any) -> Any:
    return getattr(encoder, "encoder", encoder)  # Parakeet's has none within


def _stack(encoder: Any) -> tuple[Any, str]:
    """Returns the module that applies the layers, and what it calls them."""
    inner = _inner(encoder)
    if hasattr(inner, "encoder"):  # SEW-D's
        return inner.encoder, "layer"
    return inner, "layers"


def _layers(encoder: Any) -> list[Any]:
    stack, name = _stack(encoder)
    return list(getattr(stack, name))


def _layer_drop(stack: Any) -> float:
    """Returns the share of layers that training leaves out; SEW-D's has no configuration, and leaves out none."""
    return getattr(stack, "layerdrop", getattr(getattr(stack, "config", None), "layerdrop", 0.0))


def _position_bias(first: Any, kept: torch.Tensor) -> torch.Tensor | None:
    """Returns what WavLM's first layer tells all others of positions: float [clips * heads, frames, frames]."""
    if not _tells_bias(first):
        return None
    return first.attention.compute_bias(kept.shape[1], kept.shape[1]).repeat(len(kept), 1, 1)


def _tells_bias(first: Any) -> bool:
    """Whether a first layer is WavLM's, whose layers hand on a bias beside the hidden values."""
    return hasattr(getattr(first, "attention", None), "rel_attn_embed")


def _empty(encoder: Any, name: str, inputs: Mapping[str, torch.Tensor], kept: torch.Tensor) -> torch.Tensor:
    """Returns zeros of the shape that an encoder's convolutions compute; nothing that is read depends on them."""
    if name == "subsampling":
        return torch.zeros_like(kept)
    frames = kept.shape[1]
    if hasattr(encoder.config, "squeeze_factor"):  # SEW's layers see fewer frames, and it counts those before them
        frames = int(encoder._get_feat_extract_output_lengths(torch.tensor(inputs["input_values"].shape[1])))
    return kept.new_zeros(len(kept), encoder.config.conv_dim[-1], frames)


def _doing(compute: Callable[..., Any]) -> nn.Module:
    """Returns a module that computes what a function does."""
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
