"""Models on the line from a base to what was adapted from it: theta(a) = theta_p + a (theta - theta_p).

WiSE-FT (Wortsman et al. 2021, arXiv 2109.01903): no training, and every a is a whole model. The adapted model that was
saved may itself lie at an a of its own, see `core.training.recipe.Recipe.blend`.
"""

from __future__ import annotations

import torch
from torch import nn

from core.models.base.protocol import AsrModel


def blend(base: AsrModel, adapted: AsrModel, a: float, into: AsrModel, kept: float = 1.0) -> None:
    """Gives a model the weights at a place on the line.

    Layers without a base, such as an output layer that is new or writes new characters, get the adapted model's weights. The
    running statistics of batch normalisation go along, but not beyond the adapted model's.

    Args:
        base, adapted: the ends; they are not changed.
        a: the place: 0 is the base, `kept` the adapted model.
        into: a model of the adapted one's architecture and vocabulary; it may be the adapted model itself, which then moves.
        kept: the place of the adapted model, above 0.
    """
    share = a / kept
    before, after = ({**dict(m.network.named_parameters()), **dict(m.network.named_buffers())} for m in (base, adapted))
    targets = {**dict(into.network.named_parameters()), **dict(into.network.named_buffers())}
    new = _without_base(base, adapted)
    with torch.no_grad():
        for name, target in targets.items():
            start, end = before.get(name), after[name]
            if start is None or name in new or share == 1 or not end.is_floating_point():
                target.copy_(end)
            else:
                statistic = not isinstance(end, nn.Parameter)
                target.copy_(torch.lerp(start.to(end), end, min(share, 1.0) if statistic else share))


def _without_base(base: AsrModel, adapted: AsrModel) -> set[str]:
    """Returns the names of the adapted model's parameters that the base has no values for."""
    shapes = {name: parameter.shape for name, parameter in base.network.named_parameters()}
    new = {name for name, parameter in adapted.network.named_parameters() if shapes.get(name) != parameter.shape}
    if base.characters() != adapted.characters():  # its rows are of other characters, even if there are as many
        heads = {id(p) for layer in adapted.layers() if layer.part == "head" for p in layer.parameters}
        new |= {name for name, parameter in adapted.network.named_parameters() if id(parameter) in heads}
    return new
