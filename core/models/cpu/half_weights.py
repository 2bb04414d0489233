"""Linear layers whose weights are kept in half precision, for CPUs without bfloat16 products.

A decoder that writes a token at a time waits for its weights to be read from memory, and half as many bytes take half as
long. They are multiplied as float32. Whisper was published in half precision, so its weights lose nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Self

import torch
from torch.nn import functional

LARGEST = torch.finfo(torch.float16).max


class HalfLinear:
    """x W^T + b with a half-precision copy of W, or with W itself where that is not possible.

    Copying takes about 20 ns a weight: worth it for weights that are used for more than a few tokens.

    Args:
        weight: float32 [out, in], on the CPU.
        bias: float32 [out], or None.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        weight = weight.detach()
        self._weight, self._bias, self._packed = weight, None if bias is None else bias.detach(), None
        if supported() and bool(weight.abs().amax() <= LARGEST):  # False for NaN, too
            self._packed = torch.ops.quantized.linear_prepack_fp16(weight.contiguous(), self._bias)
            self._weight = torch.empty(0)

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self  # nothing changes it, and a copied network is converted again

    def __call__(self, rows: torch.Tensor) -> torch.Tensor:
        """Returns float32 [..., out] for float32 [..., in]."""
        if self._packed is None:
            return functional.linear(rows, self._weight, self._bias)
        return torch.ops.quantized.linear_dynamic_fp16(rows, self._packed)


@lru_cache(maxsize=1)
def supported() -> bool:
    """Whether torch multiplies such weights on this CPU: it does with FBGEMM, which wants AVX2. Found by trying."""
    if torch.backends.quantized.engine not in ("fbgemm", "x86"):
        return False  # other engines copy the weights back to float32
    weight = torch.eye(8)
    try:
        packed = torch.ops.quantized.linear_prepack_fp16(weight, None)
        return torch.equal(torch.ops.quantized.linear_dynamic_fp16(weight, packed), weight)
    except RuntimeError:
        return False
