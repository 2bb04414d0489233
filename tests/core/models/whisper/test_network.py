"""Whisper's arithmetic: what is computed again on the way back gives the same gradient."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from core.models.whisper.network import _computed_again


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_result_that_is_computed_again_has_the_same_gradient(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    layers, calls = [nn.Linear(8, 4, dtype=dtype) for _ in range(2)], []
    given = torch.randn(3, 5, 8, dtype=dtype, requires_grad=True)

    def activation(values: torch.Tensor) -> torch.Tensor:
        calls.append(values.requires_grad)
        return functional.gelu(values)

    def gradients(again: bool) -> tuple[torch.Tensor, ...]:
        result = activation(given)
        if again:
            with _computed_again(activation, given, result):
                out = [layer(result) for layer in layers]
        else:
            out = [layer(result) for layer in layers]
        return torch.autograd.grad(
            out[0].sum() + out[1].square().sum(), [given, *layers[0].parameters(), *layers[1].parameters()]
        )

    plain, again = gradients(False), gradients(True)
    assert all(torch.equal(one, other) for one, other in zip(plain, again, strict=True))
    assert calls == [True, True, False, False]  # once for each layer that asks for it
