"""What a module computes can be replaced for a time, by several threads that come and go in any order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import pytest
import torch
from torch import nn

from core.models.cpu.stand_in import standing_in, standing_in_for_all


def doubling() -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda given: 2 * given


def test_afterwards_it_is_what_it_was() -> None:
    module, given = nn.Identity(), torch.ones(3)
    with standing_in(module, lambda given: given + 1):
        with standing_in(module, lambda given: given + 2):
            assert torch.equal(module(given), given + 2)
        assert torch.equal(module(given), given + 1)
    with pytest.raises(ZeroDivisionError), standing_in(module, lambda given: given + 1):
        raise ZeroDivisionError
    assert "forward" not in vars(module)


def test_it_stays_until_the_last_has_left() -> None:
    module, given, made = nn.Identity(), torch.ones(3), []
    first, second = ExitStack(), ExitStack()
    for each in (first, second):
        each.enter_context(standing_in_for_all(module, lambda: made.append(1) or doubling()))
    assert made == [1]
    first.close()
    assert torch.equal(module(given), 2 * given)
    second.close()
    assert torch.equal(module(given), given)
    assert "forward" not in vars(module)


def test_what_is_there_already_stays() -> None:
    module, given = nn.Identity(), torch.ones(3)
    with standing_in(module, lambda given: given + 1), standing_in_for_all(module, doubling):
        assert torch.equal(module(given), given + 1)
    assert "forward" not in vars(module)
