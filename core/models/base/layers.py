"""The layers of transformers' speech encoders, identified by the names of their parameters."""

from __future__ import annotations

import re
from collections.abc import Callable

from torch import nn

from core.models.base.protocol import Layer

_NUMBERED = re.compile(r"\bencoder\.layers?\.(\d+)\.")
_FRONT = re.compile(r"\b(feature_extractor|feature_projection|feature_encoder|subsampling|conv1|conv2)\b")


def by_name(network: nn.Module, is_head: Callable[[str], bool]) -> list[Layer]:
    """Groups a network's parameters from the sound (bottom) to the text (top).

    Args:
        network: an encoder with an output layer.
        is_head: whether a parameter of that name belongs to the output layer.

    Returns:
        "front" (convolutions and projections), "encoder.rest" (what has no number), "encoder.0" and so on, "head".
    """
    grouped: dict[str, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        numbered = _NUMBERED.search(name)
        if is_head(name):
            key = "head"
        elif numbered:
            key = f"encoder.{numbered[1]}"
        else:
            key = "front" if _FRONT.search(name) else "encoder.rest"
        grouped.setdefault(key, []).append(parameter)
    numbers = sorted(int(key.split(".")[1]) for key in grouped if key.split(".")[-1].isdigit())
    order = ["front", "encoder.rest", *(f"encoder.{number}" for number in numbers), "head"]
    return [Layer(key, key.split(".")[0], tuple(grouped[key])) for key in order if key in grouped]
