"""Dropout whose random numbers are drawn four at a time: torch's own, one by one, are a quarter of a step on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

AT_ONCE = 4  # of 16 bits each in a drawn number of 64
VALUES = 1 << 16


def quick_dropout(device: torch.device) -> AbstractContextManager[Any]:
    """Lets torch's dropout and attention be computed as below within the context; changes nothing but on a CPU.

    It holds for the thread that enters it. Neither torch nor a network is changed: torch asks the context at each call.
    """
    return _QuickDropout() if device.type == "cpu" else nullcontext()


class _QuickDropout(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _QUICK.get(func, func)(*args, **(kwargs or {}))


def dropout(input: torch.Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> torch.Tensor:
    """Sets a share p of the numbers to 0, and multiplies the others so that the expectation stays (Srivastava et al. 2014).

    The share is p to one part in 65,536. Draws from torch's default generator, though other numbers than torch's dropout.

    Args:
        input: float, any shape.
        p: probability that a number is dropped.
        training: whether to drop any.
        inplace: only there because torch's has it; the input is never changed.
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
        torchs: torch's own, which does what needs no dropout, or more than this.
        query, key, value: float [..., queries, width], [..., keys, width], [..., keys, width].
        attn_mask: what is added, or bool, True where a query may look.
        dropout_p: share of the weights that are dropped.
        is_causal, scale, enable_gqa: as torch has them.
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
    """Returns a copy of a Python function that finds other functions under some names."""
    copy = FunctionType(function.__code__, {**function.__globals__, **others}, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


_torchs_attention = functional.scaled_dot_product_attention
_quick_attention = partial(attention, _torchs_attention)
_QUICK = {
    functional.dropout: dropout,
    _torchs_attention: _quick_attention,
    # WavLM's; what a function of torch calls is no longer asked about.
    functional.multi_head_attention_forward: _calling(
        functional.multi_head_attention_forward, dropout=dropout, scaled_dot_product_attention=_quick_attention
    ),
}
