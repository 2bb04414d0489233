"""Linear layers called with few distinct row counts: oneDNN prepares each new count, which takes 1 to 11 ms with AMX."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from core.models.base.device import computing_type
from core.models.cpu.stand_in import standing_in_for_all

ROWS = 128  # the total number of frames is padded to a multiple of this


@contextmanager
def few_rows(network: nn.Module, device: torch.device) -> Iterator[None]:
    """Makes a network's linear layers compute as below within the context; has no effect unless on a CPU in bfloat16."""
    with ExitStack() as changes:
        if device.type == "cpu" and computing_type(device) == torch.bfloat16:
            for module in network.modules():
                if type(module) is nn.Linear:
                    changes.enter_context(standing_in_for_all(module, partial(partial, linear, module)))
        yield


def linear(layer: nn.Linear, input: torch.Tensor) -> torch.Tensor:
    """Returns x W^T + b for each row x; pads with rows of zeros, and drops their results.

    Args:
        layer: the layer with the weights; must be called within the active autocast.
        input: float [..., width].
    """
    rows = input.numel() // input.shape[-1]
    more = -rows % ROWS
    if not more or rows == 1:
        return functional.linear(input, layer.weight, layer.bias)
    flat = functional.pad(input.reshape(rows, -1).to(computing_type(input.device)), (0, 0, 0, more))
    return functional.linear(flat, layer.weight, layer.bias)[:rows].unflatten(0, input.shape[:-1])
