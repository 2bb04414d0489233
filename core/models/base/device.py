"""Chooses the device and precision to compute with."""

from __future__ import annotations

from functools import lru_cache

import torch


def choose_device(wanted: str = "auto") -> torch.device:
    """Returns the device for "auto" (CUDA if there is one, else the CPU) or the one named."""
    if wanted == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return torch.device(wanted)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 matrix products are faster than float32 there (CUDA from Ampere on; CPUs with AMX or AVX512-BF16)."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())
    return False


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Returns the context for "auto", "float32" or "bfloat16" computing; parameters stay float32.

    "auto" is float32 on MPS, and on any device but CUDA and the CPU.
    """
    use = precision == "bfloat16" or (precision == "auto" and has_fast_bfloat16(device))
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=use)


def computing_type(device: torch.device) -> torch.dtype:
    """Returns the type of matrix products under the current `autocast`; float32 without one."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else torch.float32


def recurrent_autocast(device: torch.device) -> torch.autocast:
    """Returns the context for a recurrent layer under the current `autocast`: float32 if it has no lower-precision kernel.

    Autocast runs torch's LSTM in bfloat16 on every CPU, but oneDNN has no such LSTM without AVX-512.
    """
    low = computing_type(device)
    return torch.autocast(device.type, dtype=low, enabled=low != torch.float32 and _computes_lstm(device.type, low))


@lru_cache(maxsize=8)
def _computes_lstm(device: str, low: torch.dtype) -> bool:
    """Whether an LSTM and its gradient can be computed in lower precision; found by trying, since nothing reports it."""
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad(), torch.autocast(device, dtype=low):
            output, _ = torch.nn.LSTM(8, 8).to(device)(torch.zeros(2, 1, 8, device=device))
            output.float().sum().backward()
    except RuntimeError:
        return False
    return True


def where_ctc_runs(log_probs: torch.Tensor) -> torch.Tensor:
    """Returns log probabilities on a device that has a CTC loss kernel: their own, but the CPU instead of MPS.

    torch 2.11 has none for MPS. The copy is small, and gradients flow back through it.
    """
    return log_probs.cpu() if log_probs.device.type == "mps" else log_probs
