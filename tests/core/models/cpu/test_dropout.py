"""Dropout drawn quickly drops what it should, and only while it is asked to."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.nn import functional

from core.models.cpu.dropout import attention, dropout, quick_dropout

CPU = torch.device("cpu")


@pytest.mark.parametrize("p", [0.05, 0.1, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_share_and_the_expectation(p: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    given = torch.ones(401, 503, dtype=dtype)
    found = dropout(given, p)
    assert found.dtype == dtype
    assert found.shape == given.shape
    deviation = (p * (1 - p) / given.numel()) ** 0.5
    assert float((found == 0).double().mean()) == pytest.approx(p, abs=5 * deviation)
    low, high = found.unique().tolist()
    assert (low, high) == (0.0, pytest.approx(1 / (1 - p), rel=1e-2 if dtype == torch.bfloat16 else 1e-3))
    assert given.eq(1).all()


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(1)
    gone = (dropout(torch.ones(400_000), 0.5) == 0).double()
    for apart in (1, 2, 3, 4, 8):
        both = float((gone[apart:] * gone[:-apart]).mean())
        assert both == pytest.approx(0.25, abs=5 * (0.25 * 0.75 / len(gone)) ** 0.5)


def test_the_gradient_passes_where_the_number_did() -> None:
    torch.manual_seed(2)
    given = torch.randn(7, 13, requires_grad=True)
    found = dropout(given, 0.3)
    found.sum().backward()
    assert given.grad is not None
    assert torch.equal(given.grad == 0, found == 0)
    torch.testing.assert_close(found, given.detach() * given.grad)


def test_nothing_or_everything() -> None:
    given = torch.randn(5)
    assert torch.equal(dropout(given, 0.0), given)
    assert torch.equal(dropout(given, 0.7, training=False), given)
    assert torch.equal(dropout(given, 1.0), torch.zeros(5))


def test_the_seed_decides() -> None:
    drawn = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        drawn.append(dropout(torch.ones(100), 0.5))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_it_is_computed_in_place_of_torchs_on_a_cpu_and_torch_stays_as_it_is() -> None:
    theirs, layer, given = functional.dropout, nn.Dropout(0.4), torch.ones(1000)
    torch.manual_seed(5)
    expected = dropout(given, 0.4)
    torch.manual_seed(5)
    with quick_dropout(CPU):
        assert torch.equal(layer(given), expected)
        assert functional.dropout is theirs
    with pytest.raises(ZeroDivisionError), quick_dropout(CPU):
        raise ZeroDivisionError
    torch.manual_seed(5)
    assert not torch.equal(layer(given), expected)
    torch.manual_seed(5)
    with quick_dropout(torch.device("meta")):
        assert not torch.equal(layer(given), expected)


def is_quick() -> bool:
    """Whether dropout is the quick one, which leaves alone what it would drop less than once in 65,536 numbers."""
    given = torch.ones(10)
    return functional.dropout(given, 1e-6) is given


def test_threads_that_cross_do_not_meet() -> None:
    """The first to begin is the first to end: what each puts back must not be what the other has put there."""
    barrier, seen = threading.Barrier(2, timeout=60), {}

    def first() -> None:
        with quick_dropout(CPU):
            barrier.wait()  # both have begun
            barrier.wait()
            seen["first, within"] = is_quick()
        seen["first, after"] = is_quick()
        barrier.wait()  # this one has ended

    def second() -> None:
        seen["second, before"] = is_quick()
        with quick_dropout(CPU):
            barrier.wait()
            barrier.wait()
            barrier.wait()
            seen["second, within"] = is_quick()
        seen["second, after"] = is_quick()

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(first), pool.submit(second)]:
            done.result()
    assert seen == {
        "first, within": True, "first, after": False,
        "second, before": False, "second, within": True, "second, after": False,
    }  # fmt: skip
    assert not is_quick()


def test_attention_within_torchs_own_layer_is_quick_too() -> None:
    """WavLM's is a function of torch that calls dropout's or attention's by itself."""
    layer, given = nn.MultiheadAttention(8, 2, dropout=0.5), torch.randn(5, 3, 8)
    exact = layer.eval()(given, given, given, need_weights=False)[0]
    layer.train()
    torch.manual_seed(4)
    with quick_dropout(CPU):
        found = layer(given, given, given, need_weights=False)[0]
        assert torch.equal(layer.eval()(given, given, given, need_weights=False)[0], exact)
    torch.manual_seed(4)
    sides = (given @ layer.in_proj_weight.T + layer.in_proj_bias).unflatten(-1, (3, 2, 4)).permute(2, 1, 3, 0, 4)
    mixed = attention(functional.scaled_dot_product_attention, *sides, dropout_p=0.5).permute(2, 0, 1, 3).flatten(2)
    torch.testing.assert_close(found, layer.out_proj(mixed))


@pytest.mark.parametrize("mask", ["none", "bool", "added"])
def test_attention_is_torchs_but_for_what_is_dropped(mask: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torchs = functional.scaled_dot_product_attention
    query, key, value = torch.randn(3, 2, 4, 11, 8).unbind()
    may_look = torch.rand(2, 1, 11, 11) > 0.3
    may_look[..., 0] = True
    added = torch.zeros(may_look.shape).masked_fill(~may_look, -1e9)
    given = {"none": None, "bool": may_look, "added": added}[mask]
    monkeypatch.setattr("core.models.cpu.dropout.dropout", lambda weights, p: weights)
    torch.testing.assert_close(attention(torchs, query, key, value, given, 0.1), torchs(query, key, value, given))
    torch.testing.assert_close(attention(torchs, query, key, value, scale=0.2), torchs(query, key, value, scale=0.2))
    monkeypatch.undo()
    torch.manual_seed(6)
    mean = torch.stack([attention(torchs, query, key, value, given, 0.1) for _ in range(3000)]).mean(0)
    torch.testing.assert_close(mean, torchs(query, key, value, given), atol=0.05, rtol=0.05)


def test_attention_is_quick_too() -> None:
    torchs = functional.scaled_dot_product_attention
    given = torch.randn(1, 1, 5, 4)
    torch.manual_seed(7)
    expected = attention(torchs, given, given, given, dropout_p=0.5)
    torch.manual_seed(7)
    with quick_dropout(CPU):
        assert torch.equal(functional.scaled_dot_product_attention(given, given, given, dropout_p=0.5), expected)
    assert functional.scaled_dot_product_attention is torchs
