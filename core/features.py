"""What a frozen prefix computes is the same in every epoch: keep it."""

from __future__ import annotations

from collections.abc import Callable, Hashable

import torch

BUDGET_BYTES = 1_000_000_000  # of memory; beyond it, prefixes are computed anew each time


class PrefixCache:
    """Frozen prefixes by batch, within a budget of memory.

    Args:
        budget: bytes it may hold.
    """

    def __init__(self, budget: int = BUDGET_BYTES) -> None:
        self._room = budget
        self._kept: dict[Hashable, torch.Tensor] = {}

    def get(self, key: Hashable, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Returns the prefix of `key`, calling `compute` the first time (and again where there was no room)."""
        if key in self._kept:
            return self._kept[key]
        value = compute().detach()
        size = value.numel() * value.element_size()
        if size <= self._room:
            self._room -= size
            self._kept[key] = value
        return value
