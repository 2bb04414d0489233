"""Dropout that draws random numbers four at a time: torch's own, one by one, take a quarter of a training step on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

AT_ONCE = 4  # 16-bit numbers in each drawn 64-bit number
VALUES = 1 << 16


def quick_dropout(device: torch.device) -> AbstractContextManager[Any]:
    """Replaces torch's dropout and attention by the functions below within the context; has no effect unless on a CPU.

    It applies to the thread that enters it. Neither torch nor a network is changed: torch consults the context at each call.
    """
    return _QuickDropout() if device.type == "cpu" else nullcontext()


class _QuickDropout(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _QUICK.get(func, func)(*args, **(kwargs or {}))


def dropout(input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    """Zeroes a share p of the values, and scales the others to keep the expectation (Srivastava et al. 2014).

    The share is exact to one part in 65,536. Draws from torch's default generator, but other numbers than torch's dropout.

    Args:
        input: float, any shape.
        p: probability that a value is dropped.
        training: whether to drop any.
        inplace: only for compatibility with torch; the input is never changed.
    """
    dropped = round(p * VALUES)
    if not training or dropped <= 0:
        return input
    if dropped >= VALUES:
        return input * 0.0
    count = input.numel()
    drawn = torch.empty(-(-count // AT_ONCE), dtype=torch.int64).random_(-(1 << 63), None)
    kept = drawn.view(torch.int16)[:count].view(input.shape) >= dropped - VALUES // 2
    return input * kept.to(input.dtype).mul_(VALUES / (VALUES - dropped))


def attention(
    torchs: Callable[..., torch.Tensor],
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """Returns softmax(query key^T * scale + mask) value: float [..., queries, width].

    Args:
        torchs: torch's own function, used without dropout and for cases not covered here.
        query, key, value: float [..., queries, width], [..., keys, width], [..., keys, width].
        attn_mask: float to be added, or bool, True where a query may attend.
        dropout_p: share of the attention weights dropped.
        is_causal, scale, enable_gqa: as in torch.
    """
    if dropout_p == 0 or is_causal or enable_gqa:
        return torchs(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa)
    scores = query @ key.mT * (query.shape[-1] ** -0.5 if scale is None else scale)
    if attn_mask is not None and attn_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attn_mask, torch.finfo(scores.dtype).min)
    elif attn_mask is not None:
        scores = scores + attn_mask
    return dropout(scores.softmax(-1), dropout_p) @ value


def _calling(function: Any, **others: Any) -> Any:
    """Returns a copy of a Python function with some of its global names bound to other functions."""
    copy = FunctionType(function.__code__, {**function.__globals__, **others}, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


_torchs_attention = functional.scaled_dot_product_attention
_quick_attention = partial(attention, _torchs_attention)
_QUICK = {
    functional.dropout: dropout,
    _torchs_attention: _quick_attention,
    # WavLM's; torch does not consult the context for the calls made within this function.
    functional.multi_head_attention_forward: _calling(
        functional.multi_head_attention_forward, dropout=dropout, scaled_dot_product_attention=_quick_attention
    ),
}
