"""Snapshots of parameters, kept in a file: a second copy of the network would take up most of the memory in use."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.storage.disk_buffer import DiskBuffer


class KeptParameters:
    """A snapshot of some parameters; each new one replaces the last."""

    def __init__(self) -> None:
        self._kept = DiskBuffer()
        self._kinds: list[tuple[torch.Size, torch.dtype]] = []
        self.taken = False

    def take(self, values: Sequence[torch.Tensor]) -> None:
        """Keeps these values, of any types, in place of the previous ones."""
        self._kept = DiskBuffer()
        self._kinds = [(value.shape, value.dtype) for value in values]
        for value in values:
            self._kept.append(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        self.taken = True

    @torch.no_grad()
    def put_back(self, parameters: Sequence[torch.Tensor]) -> None:
        """Restores the kept values into parameters of the same shapes."""
        for parameter, place in zip(parameters, range(len(self._kinds)), strict=True):
            parameter.copy_(self.value(place))

    def value(self, place: int) -> torch.Tensor:
        """Returns the kept value at an index, on the CPU."""
        shape, kind = self._kinds[place]
        return torch.from_numpy(self._kept.read(place)).view(kind).view(shape)


def compact(values: torch.Tensor) -> torch.Tensor:
    """Returns a copy in half the memory if that is lossless: many models were published in float16."""
    halves = values.detach().half()
    return halves if torch.equal(halves.to(values.dtype), values) else values.detach().clone()
