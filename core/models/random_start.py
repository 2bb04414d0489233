"""The control experiment: the same architecture with random initial weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from core.models.base.protocol import AsrModel
from core.models.base.random_numbers import RandomNumbers
from core.models.deepspeech.model import DeepSpeech, new_network
from core.models.small.networks import redraw


def randomise(model: AsrModel, seed: int = 0) -> None:
    """Gives a model random weights in place, initialised as for its family's pretraining, or as in `attune pretrain`.

    Parameters that are not learnt, such as Whisper's sinusoidal positions, are kept. All others count as fresh.

    Args:
        model: the model.
        seed: for the weights.
    """
    network: Any = model.network
    with RandomNumbers(seed):
        if isinstance(model, DeepSpeech):
            drawn: Any = new_network(model.config)
            redraw(drawn)
        else:
            drawn = type(network)(network.config)
    kept = {name for name, _ in network.named_parameters() if name.endswith("encoder.embed_positions.weight")}
    with torch.no_grad():
        values = dict(drawn.named_parameters())
        for name, parameter in network.named_parameters():
            if name not in kept:
                parameter.copy_(values[name])
    model.fresh = {p: torch.ones_like(p, dtype=torch.bool) for p in _parameters(network, kept)}


def _parameters(network: nn.Module, kept: set[str]) -> list[nn.Parameter]:
    return [parameter for name, parameter in network.named_parameters() if name not in kept]
