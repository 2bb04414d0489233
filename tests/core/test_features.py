"""Frozen prefixes are computed once, within a budget."""

from __future__ import annotations

import pytest
import torch

from core.features import PrefixCache


class Counted:
    """Computes a tensor of `floats` and counts how often."""

    def __init__(self, floats: int, value: float = 0.0) -> None:
        self.floats, self.value, self.times = floats, value, 0

    def __call__(self) -> torch.Tensor:
        self.times += 1
        return torch.full((self.floats,), self.value)


def test_a_prefix_is_computed_once() -> None:
    cache, compute = PrefixCache(), Counted(10, 3.0)
    first = cache.get("a", compute)
    assert cache.get("a", compute) is first
    assert compute.times == 1
    assert first.tolist() == [3.0] * 10


def test_keys_are_told_apart() -> None:
    cache = PrefixCache()
    for i, key in enumerate([(0, 1), (1, 0), (0,), "a", 7]):
        assert cache.get(key, Counted(2, float(i))).tolist() == [i, i]
    assert cache.get((1, 0), Counted(2, 9.0)).tolist() == [1, 1]


@pytest.mark.parametrize(("budget", "kept"), [(0, 0), (39, 0), (40, 1), (79, 1), (80, 2), (119, 2), (1_000, 3)])
def test_the_budget_is_respected(budget: int, kept: int) -> None:
    cache = PrefixCache(budget)
    computes = [Counted(10) for _ in range(3)]  # 40 bytes each
    for _ in range(4):
        for key, compute in enumerate(computes):
            assert len(cache.get(key, compute)) == 10
    assert [compute.times for compute in computes] == [1] * kept + [4] * (3 - kept)


def test_a_small_prefix_fits_where_a_large_one_did_not() -> None:
    cache, large, small = PrefixCache(50), Counted(100), Counted(10)
    for _ in range(2):
        cache.get("large", large)
        cache.get("small", small)
    assert (large.times, small.times) == (2, 1)


def test_bytes_are_counted_not_numbers() -> None:
    cache, times = PrefixCache(40), []
    for _ in range(2):
        cache.get("half", lambda: times.append("half") or torch.zeros(20, dtype=torch.float16))
        cache.get("more", lambda: times.append("more") or torch.zeros(1, dtype=torch.float16))
    assert times == ["half", "more", "more"]


def test_a_prefix_carries_no_graph() -> None:
    weight = torch.ones(3, requires_grad=True)
    for budget in (0, 1_000):
        value = PrefixCache(budget).get("a", lambda: weight * 2)
        assert not value.requires_grad
        assert value.grad_fn is None


def test_a_failing_prefix_is_not_kept() -> None:
    cache, compute = PrefixCache(), Counted(10)

    def failing() -> torch.Tensor:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        cache.get("a", failing)
    assert len(cache.get("a", compute)) == 10
    assert compute.times == 1
