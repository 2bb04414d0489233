"""Which parameters learn, at what rate, and the pull that holds them near their pretrained values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from core.models.base import AsrModel, Layer
from core.recipe import Recipe

_TRAINED_PARTS = {
    "everything": {"front", "encoder", "decoder", "head"},
    "all_but_front": {"encoder", "decoder", "head"},
    "decoder": {"decoder", "head"},
    "head": {"head"},
}


@dataclass(frozen=True)
class LayerPlan:
    """What happens to one layer.

    Attributes:
        layer: the layer.
        rate: its peak learning rate; 0.0 where it is frozen.
    """

    layer: Layer
    rate: float

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(p.numel() for p in self.layer.parameters)


def plan(model: AsrModel, recipe: Recipe) -> list[LayerPlan]:
    """Says for every layer, bottom to top, at what rate it learns. Changes nothing.

    The layer k places below the topmost trained one learns at learning_rate * layer_decay^k, and the head at
    head_rate times that.
    """
    parts = _TRAINED_PARTS[recipe.trains]
    layers = model.layers()
    depth = [layer.part in parts for layer in layers]
    plans = []
    for i, layer in enumerate(layers):
        rate = recipe.learning_rate * recipe.layer_decay ** sum(depth[i + 1 :]) if depth[i] else 0.0
        plans.append(LayerPlan(layer, rate * (recipe.head_rate if layer.part == "head" else 1.0)))
    return plans


def apply(plans: Sequence[LayerPlan], network: nn.Module) -> list[dict]:
    """Freezes every parameter that no plan trains and returns AdamW's parameter groups, one a layer."""
    network.requires_grad_(False)
    groups = []
    for entry in plans:
        if entry.rate > 0:
            for parameter in entry.layer.parameters:
                parameter.requires_grad_(True)
            groups.append({"params": list(entry.layer.parameters), "lr": entry.rate, "name": entry.layer.name})
    return groups


def prefix_is_frozen(plans: Sequence[LayerPlan]) -> bool:
    """Whether all that `AsrModel.prefix` computes is frozen, so that it may be computed once a clip."""
    decoders = any(entry.layer.part == "decoder" for entry in plans)
    below = {"front", "encoder"} if decoders else {"front", "encoder", "decoder"}
    return all(entry.rate == 0 for entry in plans if entry.layer.part in below)


class Anchor:
    """theta_p, and the L2-SP penalty lambda * ||theta - theta_p||^2 over what learns.

    Args:
        parameters: the parameters that learn, at their pretrained values now.
        strength: lambda.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], strength: float) -> None:
        self._parameters = list(parameters)
        self._strength = strength
        self._pretrained = [p.detach().clone() for p in self._parameters]

    def penalty(self) -> torch.Tensor:
        """Returns lambda * ||theta - theta_p||^2, a scalar whose gradient is 2 * lambda * (theta - theta_p)."""
        pairs = zip(self._parameters, self._pretrained, strict=True)
        return self._strength * torch.stack([(p - start).square().sum() for p, start in pairs]).sum()

    def distance(self) -> float:
        """Returns ||theta - theta_p|| / ||theta_p||: how far what learns has moved."""
        pairs = zip(self._parameters, self._pretrained, strict=True)
        moved = sum(float((p.detach() - start).square().sum()) for p, start in pairs)
        return (moved / sum(float(start.square().sum()) for start in self._pretrained)) ** 0.5
