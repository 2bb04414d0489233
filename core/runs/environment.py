"""The environment that figures depend on besides the recipe: versions, processor, number of threads and precision."""

from __future__ import annotations

import importlib.metadata
import platform
from pathlib import Path

PACKAGES = ("torch", "torchaudio", "transformers", "peft", "numpy", "jiwer", "whisper-normalizer")
CHECKOUT = "checkout"  # shown as the version of a package that is not installed


def environment(precision: str = "auto") -> dict[str, str]:
    """Returns the versions of Python, Attune and the packages, the processor, the number of threads and the precision.

    Args:
        precision: precision of the recipe; "auto" is resolved to the one used on this machine.

    Returns:
        The values by name, in the order in which they are shown.
    """
    import torch  # loaded here, because only computations and their reports need it

    from core.models.base.device import choose_device, has_fast_bfloat16

    device = choose_device()
    if precision == "auto":
        precision = "bfloat16" if has_fast_bfloat16(device) else "float32"
    found = {"attune": _version("attune"), "python": platform.python_version(), "platform": platform.platform()}
    found |= {name: _version(name) for name in PACKAGES}
    return {
        **found,
        "processor": torch.cuda.get_device_name() if device.type == "cuda" else _processor(),
        "threads": str(torch.get_num_threads()),
        "precision": precision,
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return CHECKOUT


def _processor() -> str:
    """Returns the name of the CPU if the system provides it, otherwise its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
