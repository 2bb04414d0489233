"""What a network can be trained for: the one thing that the training loop knows of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import nn

from core.pretraining.corpus import Heard


@dataclass(frozen=True)
class HeldOutScores:
    """What held-out clips came to.

    Attributes:
        loss: mean; None where it cannot be computed of any of them.
        wer, cer: where they were transcribed.
        texts, references: what was written and what was said, then.
        measures: name and value of what else there is to say.
    """

    loss: float | None
    wer: float | None = None
    cer: float | None = None
    texts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    measures: tuple[tuple[str, float], ...] = ()


class Objective(Protocol):
    """A network and what it is trained for.

    Attributes:
        network: all that learns; its state is what a checkpoint holds.
    """

    network: nn.Module

    def at(self, progress: float) -> None:
        """Takes note of how much of the training is done, 0 to 1: some things change on the way."""

    def loss(self, heard: Heard, rng: np.random.Generator) -> torch.Tensor | None:
        """Returns the mean loss of a batch with a graph, or None where none of it can be learnt from."""

    def measure(self, held_out: Iterable[Heard]) -> HeldOutScores:
        """Measures it on batches that are not learnt from."""

    def save(self, folder: Path, half: bool) -> None:
        """Writes what comes out, in float16 if asked; the weights in memory stay float32."""


@torch.no_grad()
def round_to_half(network: nn.Module) -> None:
    """Rounds weights to what float16 holds, so that what is measured is what is saved."""
    for parameter in network.parameters():
        parameter.copy_(parameter.half())


@contextmanager
def saved_in_half(network: nn.Module, half: bool) -> Iterator[None]:
    """Holds a network in float16 for as long as it is written, if asked."""
    if half:
        network.half()
    try:
        yield
    finally:
        network.float()
