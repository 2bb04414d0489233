"""Work that is seeded repeats, and leaves the caller's random numbers as they were."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from core.models.base.random_numbers import RandomNumbers


def drawn() -> list[float]:
    return [float(torch.rand(())), float(np.random.rand()), float(torch.randn(()))]


def seed_all(seed: int) -> None:
    torch.manual_seed(seed)
    np.random.seed(seed)


def test_within_it_is_seeded_and_after_it_the_caller_goes_on() -> None:
    seed_all(1)
    expected = [drawn(), drawn()]
    seed_all(1)
    found = [drawn()]
    with RandomNumbers(7):
        inside = drawn()
    with pytest.raises(ZeroDivisionError), RandomNumbers(8):
        raise ZeroDivisionError(drawn())
    found.append(drawn())
    assert found == expected
    seed_all(7)
    assert inside == drawn()


def test_entered_once_more_it_goes_on() -> None:
    seed_all(5)
    expected = drawn() + drawn()
    numbers = RandomNumbers(5)
    with numbers:
        found = drawn()
    drawn()
    with numbers:
        found += drawn()
    assert found == expected


def test_numpy_may_have_another_seed() -> None:
    seed_all(5)
    of_torch = drawn()[0]
    seed_all(6)
    of_numpy = drawn()[1]
    with RandomNumbers(5, numpy_seed=6):
        assert drawn()[:2] == [of_torch, of_numpy]


def test_a_generator_and_its_consumer_do_not_disturb_each_other() -> None:
    closed = []

    def steps() -> Iterator[list[float]]:
        try:
            for _ in range(3):
                yield drawn()
        finally:
            closed.append(drawn())

    seed_all(9)
    alone = [drawn() for _ in range(4)]
    seed_all(2)
    consumers = [drawn() for _ in range(4)]
    seed_all(2)
    found, between = [], [drawn()]
    for numbers in RandomNumbers(9).within(steps()):
        found.append(numbers)
        between.append(drawn())
    assert found == alone[:3]
    assert between == consumers
    assert closed.pop() == alone[3]

    stopped = RandomNumbers(9).within(steps())
    next(stopped)
    seed_all(2)
    stopped.close()
    assert closed == [alone[1]]
    assert drawn() == consumers[0]


def test_what_a_generator_returns_is_returned() -> None:
    def steps() -> Iterator[int]:
        yield 1
        return "done"

    def outer() -> Iterator[int]:
        returned.append((yield from RandomNumbers(0).within(steps())))

    returned: list[str] = []
    assert list(outer()) == [1]
    assert returned == ["done"]
