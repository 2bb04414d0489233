"""Freed memory goes back to the system."""

from __future__ import annotations

import torch

from core.storage.memory import return_free_memory


def test_memory_is_given_back() -> None:
    return_free_memory()
    many = [torch.zeros(20_000) for _ in range(2000)]
    last = many[-1].clone()  # lies above them, so that the heap cannot shrink by itself
    before = resident()
    del many
    return_free_memory()
    assert resident() < before - 100_000_000 or before == 0
    assert not last.any()


def resident() -> int:
    """Bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        return 0
