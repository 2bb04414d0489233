"""wav2vec 2.0's convolutions in bfloat16 on the CPU, as matrix products in place of torch's convolutions.

torch's convolutions transpose their input before each layer and back after it, which takes longer than the arithmetic. Here
frames stay rows of a matrix, [frames, channels], and a convolution multiplies its windows, each a row, by its kernel. Results
equal those of transformers up to bfloat16 rounding; a test compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from core.models.base.device import computing_type
from core.models.cpu.stand_in import standing_in_for_all


@contextmanager
def quick_convolutions(encoder: Any) -> Iterator[None]:
    """Makes a transformers speech encoder compute its convolutions this way, if it has suitable ones and needs no gradient.

    Their weights are converted once, on entry, and must not change within the context.
    """
    extractor: Any = getattr(encoder, "feature_extractor", None)
    layers = getattr(extractor, "conv_layers", ())
    if not layers or not all(map(_fits, layers)) or not _pays(next(extractor.parameters()).device):
        yield
        return

    def make() -> Callable[[torch.Tensor], torch.Tensor]:
        kernels = [layer.conv.weight.to(torch.bfloat16).permute(2, 1, 0).flatten(0, 1) for layer in layers]
        return lambda values: torch.stack([_convolved(layers, kernels, wave) for wave in values]).transpose(1, 2)

    with standing_in_for_all(extractor, make):
        yield


def _pays(device: torch.device) -> bool:
    return device.type == "cpu" and computing_type(device) == torch.bfloat16 and not torch.is_grad_enabled()


def _fits(layer: Any) -> bool:
    """Returns whether a layer is a convolution, an optional layer or group norm, and an activation."""
    conv, norm = getattr(layer, "conv", None), getattr(layer, "layer_norm", None)
    if not isinstance(conv, nn.Conv1d) or not hasattr(layer, "activation"):
        return False
    plain = conv.groups == 1 and conv.padding == (0,) and conv.dilation == (1,)
    return plain and (norm is None or isinstance(norm, nn.LayerNorm | nn.GroupNorm))


def _convolved(layers: Sequence[Any], kernels: Sequence[torch.Tensor], wave: torch.Tensor) -> torch.Tensor:
    """Applies the layers to one clip, float [samples], and returns bfloat16 [frames, channels].

    Args:
        layers: transformers' own layers, used for everything but the convolutions' weights.
        kernels: these weights, bfloat16 [width * input channels, output channels].
        wave: the clip.
    """
    hidden = wave[:, None].to(torch.bfloat16)
    for layer, kernel in zip(layers, kernels, strict=True):
        width, step, channels = layer.conv.kernel_size[0], layer.conv.stride[0], hidden.shape[1]
        # One row per window: its frames, one after the other. The rows overlap; the product copies them.
        windows = hidden.as_strided(((len(hidden) - width) // step + 1, width * channels), (step * channels, 1))
        hidden = windows @ kernel if layer.conv.bias is None else torch.addmm(layer.conv.bias, windows, kernel)
        norm = getattr(layer, "layer_norm", None)
        if isinstance(norm, nn.GroupNorm):
            hidden = _group_norm(norm, hidden)
        elif norm is not None:
            hidden = norm(hidden).to(torch.bfloat16)
        hidden = layer.activation(hidden)
    return hidden


def _group_norm(norm: nn.GroupNorm, hidden: torch.Tensor) -> torch.Tensor:
    """Normalises [frames, channels], viewed as a channels-last image, which is the fast layout in torch."""
    frames, channels = hidden.shape
    image = hidden.as_strided((1, channels, 1, frames), (hidden.numel(), 1, hidden.numel(), channels))
    return norm(image).permute(0, 2, 3, 1).reshape(frames, channels)
