"""The interface of training objectives, the only part of them that the training loop knows."""

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
    """Scores on held-out clips.

    Attributes:
        loss: mean loss; None if it cannot be computed for any clip.
        wer, cer: error rates, if the clips were transcribed.
        texts, references: the transcripts and reference texts, likewise.
        measures: name and value of any further measures.
    """

    loss: float | None
    wer: float | None = None
    cer: float | None = None
    texts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    measures: tuple[tuple[str, float], ...] = ()


class Objective(Protocol):
    """A network and its training objective.

    Attributes:
        network: everything that is trained; a checkpoint holds its state.
    """

    network: nn.Module

    def at(self, progress: float) -> None:
        """Adjusts whatever changes during training to its progress, 0 to 1."""

    def loss(self, heard: Heard, rng: np.random.Generator) -> torch.Tensor | None:
        """Returns the mean loss of a batch with its autograd graph, or None if the batch has no usable clip."""

    def measure(self, held_out: Iterable[Heard]) -> HeldOutScores:
        """Scores the network on held-out batches."""

    def save(self, folder: Path, half: bool) -> None:
        """Writes the trained model, in float16 if `half`; the weights in memory stay float32."""


@torch.no_grad()
def round_to_half(network: nn.Module) -> None:
    """Rounds weights to float16 precision, so that the measured model is the saved one."""
    for parameter in network.parameters():
        parameter.copy_(parameter.half())


@contextmanager
def saved_in_half(network: nn.Module, half: bool) -> Iterator[None]:
    """Converts a network to float16 within the context, if `half`, for saving."""
    if half:
        network.half()
    try:
        yield
    finally:
        network.float()
