"""Linear layers that meet few numbers of rows: for each oneDNN prepares anew, in a millisecond to eleven with AMX."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch.nn import functional

from core.models.device import computing_type

ROWS = 128  # frames of all clips together become a multiple of it


@contextmanager
def few_rows(device: torch.device) -> Iterator[None]:
    """Lets whatever calls torch's linear layer meanwhile call the one below; changes nothing but on a processor in bfloat16."""
    torchs: Any = functional.linear
    if device.type == "cpu" and computing_type(device) == torch.bfloat16:
        functional.linear = partial(linear, torchs)
    try:
        yield
    finally:
        functional.linear = torchs


def linear(
    torchs: Callable[..., torch.Tensor], input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None
) -> torch.Tensor:
    """Returns x W^T + b of each row x; rows of zeros are added, and what comes of them is left out.

    Args:
        torchs: torch's own, within the autocast that is in force.
        input: float [..., width].
        weight: float [outputs, width].
        bias: float [outputs].
    """
    rows = input.numel() // input.shape[-1]
    more = -rows % ROWS
    if not more or rows == 1:
        return torchs(input, weight, bias)
    flat = input.reshape(rows, -1).to(computing_type(input.device))
    return torchs(functional.pad(flat, (0, 0, 0, more)), weight, bias)[:rows].unflatten(0, input.shape[:-1])
