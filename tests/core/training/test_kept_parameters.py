"""Weights kept in a file, halved where nothing is lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable

import pytest
import torch

from core.training.kept_parameters import KeptParameters, compact


def no_room(*args: object) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("full", [False, True], ids=["on disk", "disk full"])
def test_the_last_values_taken_come_back_exactly(full: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if full:
        monkeypatch.setattr(tempfile, "TemporaryFile", no_room)
    weights = [torch.randn(3, 4), torch.tensor(2.5), torch.randn(5, 2).T, torch.randn(7).bfloat16(), torch.randn(0, 3)]
    parameters = KeptParameters()
    assert not parameters.taken
    parameters.take([torch.zeros_like(w) for w in weights])
    parameters.take(weights)
    kept = [w.clone() for w in weights]
    for weight in weights:
        weight += 1
    assert all(torch.equal(parameters.value(place), kept[place]) for place in (3, 0, 4, 1, 2))
    parameters.put_back(weights)
    assert parameters.taken
    assert all(torch.equal(weight, value) for weight, value in zip(weights, kept, strict=True))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda w: w.half().float(), torch.float16),
        (lambda w: w, torch.float32),
        (lambda w: w.half().float() * 1e6, torch.float32),  # beyond what float16 reaches
    ],
    ids=["published in float16", "float32", "too large"],
)
def test_only_what_loses_nothing_is_halved(change: Callable[[torch.Tensor], torch.Tensor], kind: torch.dtype) -> None:
    weights = change(torch.randn(50, generator=torch.Generator().manual_seed(0)))
    kept = compact(weights)
    assert kept.dtype == kind
    assert torch.equal(kept.float(), weights)
    assert kept.data_ptr() != weights.data_ptr()
