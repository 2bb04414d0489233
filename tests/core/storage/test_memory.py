"""Freed memory goes back to the system."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch

from core.storage.memory import FEW_SIZES, GPU_DEVICES, return_free_memory


def test_memory_is_given_back() -> None:
    return_free_memory()
    many = [torch.zeros(20_000) for _ in range(2000)]
    last = many[-1].clone()  # lies above them, so that the heap cannot shrink by itself
    before = resident()
    del many
    return_free_memory()
    assert resident() < before - 100_000_000 or before == 0
    assert not last.any()


BEGUN = """
import json, os, sys
before = dict(os.environ)
import core, core.storage.memory, core.models.base.device
core.models.base.device.choose_device()
imported = "triton" in sys.modules and sys.modules["triton"] is None
same = dict(os.environ) == before
core.storage.memory.keep_torch_small()
hidden = "triton" in sys.modules and sys.modules["triton"] is None
print(json.dumps([imported, same, hidden, os.environ[core.storage.memory.FEW_SIZES[0]]]))
"""


def test_only_programs_keep_triton_away_and_write_into_the_environment() -> None:
    done = subprocess.run([sys.executable, "-c", BEGUN], capture_output=True, text=True, check=True)
    without_gpu = not any(Path(device).exists() for device in GPU_DEVICES)
    assert json.loads(done.stdout) == [False, True, without_gpu, FEW_SIZES[1]]


def resident() -> int:
    """Bytes; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096
    except OSError:
        return 0
