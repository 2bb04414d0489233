"""Linear layers compute the same when rows are added to what they read."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from core.models.base.device import autocast
from core.models.cpu.linear import ROWS, few_rows


@pytest.mark.parametrize("shape", [(3, 50, 16), (150, 16), (1, 1, 16), (16,), (2, ROWS, 16)])
def test_values_and_gradients_are_those_of_torch(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer, read = nn.Linear(16, 8), torch.randn(shape, requires_grad=True)
    results = []
    for quick in (False, True):
        with autocast(torch.device("cpu"), "bfloat16"):
            if quick:
                with few_rows(layer, torch.device("cpu")):
                    written = layer(read)
            else:
                written = layer(read)
        results.append([written, *torch.autograd.grad(written.float().square().sum(), [read, *layer.parameters()])])
    for expected, found in zip(*results, strict=True):
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        torch.testing.assert_close(found, expected, rtol=0.02, atol=0.05)


def test_few_numbers_of_rows_reach_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    met, torchs = set(), functional.linear

    def told(input: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        met.add(input.numel() // input.shape[-1])
        return torchs(input, weight, bias)

    monkeypatch.setattr(functional, "linear", told)
    layer = nn.Linear(4, 4)
    with autocast(torch.device("cpu"), "bfloat16"), few_rows(layer, torch.device("cpu")):
        for frames in range(1, 300):
            layer(torch.zeros(2, frames, 4))
    assert met == {ROWS, 2 * ROWS, 3 * ROWS, 4 * ROWS, 5 * ROWS}


@pytest.mark.parametrize("precision", ["bfloat16", "float32"])
def test_layers_get_their_own_back(precision: str) -> None:
    network = nn.Sequential(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 4))
    with autocast(torch.device("cpu"), precision), few_rows(network, torch.device("cpu")):
        with few_rows(network, torch.device("cpu")):  # a batch within many
            pass
        assert ("forward" in vars(network[0])) == ("forward" in vars(network[2])) == (precision == "bfloat16")
    assert not any("forward" in vars(module) for module in network)
