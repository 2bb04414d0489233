"""Weights in half precision: what they compute, on any CPU."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn import functional

from core.models.cpu import half_weights
from core.models.cpu.half_weights import HalfLinear

HALF = 2.0**-11  # relative rounding error of half precision
SINGLE = 2.0**-23


@pytest.fixture(params=[False, True], ids=["as on this CPU", "without FBGEMM"])
def without(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param:
        monkeypatch.setattr(half_weights, "supported", lambda: False)


@pytest.mark.parametrize("shape", [(1, 24), (5, 24), (2, 7, 24), (0, 24)])
@pytest.mark.parametrize("with_bias", [False, True])
@pytest.mark.usefixtures("without")
def test_products_differ_by_the_rounding_of_weights(shape: tuple[int, ...], with_bias: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    weight, rows = torch.randn(33, 24, generator=generator), torch.randn(shape, generator=generator)
    bias = torch.randn(33, generator=generator) if with_bias else None
    computed, exact = HalfLinear(weight, bias)(rows), functional.linear(rows, weight, bias)
    most = (HALF + 24 * SINGLE) * functional.linear(rows.abs(), weight.abs()) + 4 * SINGLE
    assert computed.shape == exact.shape
    assert computed.dtype == torch.float32
    assert bool(((computed - exact).abs() <= most).all())


def test_weights_that_fit_lose_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(16, 16, generator=generator).half().float()
    assert torch.equal(HalfLinear(weight)(torch.eye(16)), weight.T)


@pytest.mark.parametrize("value", [1e6, torch.nan])
def test_weights_beyond_half_precision_stay_as_they_are(value: float) -> None:
    weight = torch.eye(8)
    weight[3, 3] = value
    assert HalfLinear(weight)(torch.eye(8)[3:4])[0, 3].item() == pytest.approx(value, nan_ok=True)


def test_a_copy_computes_the_same() -> None:
    layer, rows = HalfLinear(torch.eye(8)), torch.ones(2, 8)
    assert torch.equal(copy.deepcopy(layer)(rows), layer(rows))
