"""Selects which parameters are trained, and sets their learning rates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.models.base.protocol import AsrModel, Depth, Layer
from core.training.recipe import Recipe

if TYPE_CHECKING:  # the page shows plans without importing torch
    from torch import nn

_TRAINED_PARTS = {
    "everything": {"front", "encoder", "decoder", "head"},
    "all_but_front": {"encoder", "decoder", "head"},
    "all_but_head": {"front", "encoder", "decoder"},
    "encoder": {"front", "encoder"},
    "decoder": {"decoder", "head"},
    "head": {"head"},
}
TIED = frozenset({"whisper", "seq2seq"})  # families whose output layer is the embedding table, too large for an adapter run
BETWEEN = ("norm", "rest")  # name endings of layers that are not numbered


@dataclass(frozen=True)
class LayerPlan:
    """How one layer is trained.

    Attributes:
        layer: the layer.
        rate: its peak learning rate; 0.0 if it is frozen.
        adapter: the adapter parameters trained in place of the layer's own, if there is an adapter.
        adapted: whether an adapter is to be trained in place of the layer's own parameters.
    """

    layer: Layer
    rate: float
    adapter: tuple[nn.Parameter, ...] = ()
    adapted: bool = False

    @property
    def size(self) -> int:
        """Number of parameters, not counting an adapter's."""
        return sum(p.numel() for p in self.layer.parameters)

    @property
    def learning(self) -> tuple[nn.Parameter, ...]:
        """The parameters to train."""
        return () if self.rate == 0 else self.adapter if self.adapted else self.layer.parameters


def plan(model: AsrModel, recipe: Recipe) -> list[LayerPlan]:
    """Returns the learning rate of every layer, bottom to top. Changes nothing.

    The layer k places below the topmost trained one has the rate learning_rate * layer_decay^k, and the head head_rate
    times that. An output layer with new entries is trained under every plan. With an adapter, convolutions are frozen, and
    so is an output layer tied to the embedding table; any other output layer is trained directly.
    """
    layers = model.layers()
    new = {id(parameter) for parameter in model.fresh}
    trained = [
        learns or (layer.part == "head" and any(id(parameter) in new for parameter in layer.parameters))
        for layer, learns in zip(layers, _trained(layers, recipe), strict=True)
    ]
    if recipe.adapter != "none":
        trained = [
            learns and layer.part != "front" and not (layer.part == "head" and model.family in TIED)
            for layer, learns in zip(layers, trained, strict=True)
        ]
    plans = []
    for i, layer in enumerate(layers):
        rate = recipe.learning_rate * recipe.layer_decay ** sum(trained[i + 1 :]) if trained[i] else 0.0
        rate *= recipe.head_rate if layer.part == "head" else 1.0
        plans.append(LayerPlan(layer, rate, adapted=recipe.adapter != "none" and layer.part != "head"))
    return plans


def _trained(layers: Sequence[Layer], recipe: Recipe) -> list[bool]:
    if recipe.trains != "last":
        return [layer.part in _TRAINED_PARTS[recipe.trains] for layer in layers]
    numbered = [layer.part in ("encoder", "decoder") and not layer.name.endswith(BETWEEN) for layer in layers]
    above = [sum(numbered[i + 1 :]) for i in range(len(layers))]  # numbered layers above each
    return [
        layer.part == "head" or (layer.part in ("encoder", "decoder") and above[i] < recipe.last_layers)
        for i, layer in enumerate(layers)
    ]


def apply(plans: Sequence[LayerPlan], network: nn.Module) -> list[dict]:
    """Freezes every parameter that no plan trains and returns AdamW's parameter groups, one per layer, bottom to top."""
    network.requires_grad_(False)
    groups = []
    for entry in plans:
        if entry.learning:
            for parameter in entry.learning:
                parameter.requires_grad_(True)
            groups.append({"params": list(entry.learning), "lr": entry.rate, "name": entry.layer.name})
    return groups


def joined(groups: int, step: int, steps: int, share: float) -> int:
    """Returns how many layers, counted from the top, are trained at a step under gradual unfreezing.

    The top one is trained from the start; the others join one by one, evenly spread over the first `share` of the steps
    (Howard & Ruder 2018 unfreeze one per epoch; a share means the same for 30 steps as for 3,000).

    Args:
        groups: number of layers trained in the end.
        step: number of the step, from 1.
        steps: total number of steps.
        share: share of the steps after which all layers are trained; 0 trains all from the first step.
    """
    if share <= 0:
        return groups
    return min(groups, 1 + int((step - 1) * (groups - 1) / max(1.0, share * steps)))


def frozen_depth(depths: Sequence[Depth], learning: Iterable[nn.Parameter]) -> Depth | None:
    """Returns the deepest of a model's depths below which everything is frozen, or None if there is none.

    Args:
        depths: those of `AsrModel.depths` that may be used.
        learning: all parameters trained at any time. Gradual unfreezing adds some late, but a cached prefix must stay valid
            for the whole run.
    """
    ever = {id(parameter) for parameter in learning}
    return next((depth for depth in reversed(depths) if not any(id(weight) in ever for _, weight in depth.weights)), None)
