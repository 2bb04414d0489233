"""A cache of frozen prefixes: a clip's output is the same in every epoch and every run, so it is computed once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from core.storage.cache import DiskCache

BUDGET_BYTES = 1_000_000_000  # of memory; beyond it, prefixes are read from disk, or recomputed without a disk cache
_TYPES = {2: torch.bfloat16, 4: torch.float32}  # by bytes per number


class PrefixCache:
    """Frozen prefixes by clip, within a memory budget, and on disk for other runs.

    Args:
        budget: most bytes to hold in memory.
        on_disk: the disk cache; None keeps prefixes in memory only.
    """

    def __init__(self, budget: int = BUDGET_BYTES, on_disk: DiskCache | None = None) -> None:
        self._room = budget
        self._on_disk = on_disk
        self._kept: dict[str, torch.Tensor] = {}

    def get(self, keys: Sequence[str], compute: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Returns the prefix of a batch, computing it if any of its clips is not cached.

        Args:
            keys: one per clip, covering everything its prefix depends on.
            compute: returns the prefix of the whole batch, float [clips, frames, width].
        """
        rows = [self._find(key) for key in keys]
        known = [row for row in rows if row is not None]
        if len(known) == len(rows) and len({row.shape for row in known}) == 1:
            return torch.stack(known)
        value = compute().detach()
        # A clip computed in another batch may differ in its last bits, so the first values stay: what this run takes is what a
        # later one will find.
        cached = [new if row is None or row.shape != new.shape else row for row, new in zip(rows, value, strict=True)]
        for key, row, new in zip(keys, rows, cached, strict=True):
            if new is not row:
                self._keep(key, new, to_disk=True)
        return torch.stack(cached)

    def _find(self, key: str) -> torch.Tensor | None:
        if key in self._kept:
            return self._kept[key]
        found = None if self._on_disk is None else self._on_disk.read(key)
        if found is None or len(found) < 16:
            return None
        frames, width = (int(n) for n in np.frombuffer(found[:16].tobytes(), "<i8"))
        kind = _TYPES.get((len(found) - 16) // max(1, frames * width))
        if kind is None:
            return None
        row = torch.frombuffer(bytearray(found[16:]), dtype=kind).view(frames, width)
        self._keep(key, row, to_disk=False)
        return row

    def _keep(self, key: str, row: torch.Tensor, to_disk: bool) -> None:
        size = row.numel() * row.element_size()
        if size <= self._room and key not in self._kept:
            self._room -= size
            self._kept[key] = row.clone()  # a view would keep its whole batch in memory
        if to_disk and self._on_disk is not None and row.device.type == "cpu" and row.dtype in _TYPES.values():
            shape = np.array(row.shape, "<i8").tobytes()
            self._on_disk.write(key, shape + row.contiguous().view(torch.uint8).numpy().tobytes())
