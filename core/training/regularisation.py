"""Regularisation of a fine-tune: the pull towards pretrained values, dropout, weight averaging, adversarial inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from core.models.base.protocol import AsrModel, Example, Features
from core.training.kept_parameters import KeptParameters, compact
from core.training.recipe import Recipe

PIECE = 1 << 20  # numbers


class Anchor:
    """theta_p, and the penalty lambda * ||theta - theta_p||^2 + beta * ||theta_new||^2 over the trained parameters.

    Li et al. 2018 (arXiv 1802.01483), equation 3, where the coefficients are alpha / 2 and beta / 2: theta_new are the
    parameters that were not pretrained, such as an output layer's rows for characters the model could not write before.

    Args:
        parameters: the trained parameters, at their initial values.
        strength: lambda.
        new_strength: beta.
        fresh: masks of the parameters' entries that were not pretrained; see `AsrModel.fresh`.
    """

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        strength: float,
        new_strength: float = 0.0,
        fresh: Mapping[nn.Parameter, torch.Tensor] | None = None,
    ) -> None:
        self._strength, self._new_strength = strength, new_strength
        self._fresh = dict(fresh or {})
        self._places = {parameter: place for place, parameter in enumerate(parameters)}
        start = [compact(parameter) for parameter in parameters]
        self._before: Callable[[int], torch.Tensor] = start.__getitem__
        if not (strength or new_strength):  # needed only at evaluations
            kept = KeptParameters()
            kept.take(start)
            self._before = kept.value

    def penalty(self) -> torch.Tensor:
        """Returns the penalty, a scalar whose gradient is 2 * lambda * (theta - theta_p), and 2 * beta * theta_new."""
        terms = []
        for parameter, place in self._places.items():
            start, mask = self._before(place).to(parameter.device), self._fresh.get(parameter)
            if mask is None:
                terms.append(self._strength * (parameter - start).square().sum())
            else:
                pulled = (parameter - start).square().masked_fill(mask, 0.0).sum()
                shrunk = parameter.square().masked_fill(~mask, 0.0).sum()
                terms.append(self._strength * pulled + self._new_strength * shrunk)
        return torch.stack(terms).sum()

    @torch.no_grad()
    def put_back(self) -> None:
        """Sets all trained parameters to their initial values."""
        for parameter, place in self._places.items():
            parameter.copy_(self._before(place))

    @torch.no_grad()
    def blend(self, share: float, parameters: Iterable[nn.Parameter]) -> None:
        """Sets some of the trained parameters to theta_p + share * (theta - theta_p)."""
        for parameter in parameters:
            parameter.copy_(torch.lerp(self._before(self._places[parameter]).to(parameter), parameter, share))

    def distance(self, parameters: Iterable[nn.Parameter] | None = None) -> float:
        """Returns ||theta - theta_p|| / ||theta_p||: how far the given (by default all trained) parameters have moved."""
        moved = length = 0.0
        for parameter in self._places if parameters is None else parameters:
            both = (parameter, self._before(self._places[parameter]).to(parameter.device))
            # In pieces: otherwise a whole embedding table would be copied three times.
            pieces = zip(*(values.detach().reshape(-1).split(PIECE) for values in both), strict=True)
            for now, before in pieces:
                moved += float((now - before).square().sum())
                length += float(before.to(now.dtype).square().sum())
        return (moved / max(length, 1e-30)) ** 0.5


class Average:
    """The running mean of parameters over steps: stochastic weight averaging (Izmailov et al. 2018, arXiv 1803.05407)."""

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = list(parameters)
        self._mean: list[torch.Tensor] = []
        self.count = 0

    def add(self) -> None:
        """Adds the current parameters to the mean."""
        self.count += 1
        if self.count == 1:
            self._mean = [p.detach().clone() for p in self._parameters]
        for mean, parameter in zip(self._mean, self._parameters, strict=True):
            mean.lerp_(parameter.detach(), 1 / self.count)

    def values(self) -> list[torch.Tensor]:
        """Returns the mean of each parameter; empty before the first `add`."""
        return self._mean

    @torch.no_grad()
    def put_in_place(self) -> None:
        """Sets the parameters to their means."""
        for mean, parameter in zip(self._mean, self._parameters, strict=True):
            parameter.copy_(mean)


@contextmanager
def regularised(network: nn.Module, recipe: Recipe) -> Iterator[None]:
    """Applies a recipe's dropout, layer drop and hidden masking during training; restores the old settings on exit.

    Networks that take raw samples mask stretches of time and channels in their first hidden layer, as wav2vec 2.0 does
    (Baevski et al. 2020, arXiv 2006.11477, section 4.2); for the others, the input spectrum is masked.
    """
    changes: list[tuple[object, str, float | bool]] = []
    for module in network.modules():
        if recipe.dropout is not None:
            name = "p" if isinstance(module, nn.Dropout) else "dropout"
            if isinstance(getattr(module, name, None), float):
                changes.append((module, name, recipe.dropout))
        if recipe.layer_drop is not None and isinstance(getattr(module, "layerdrop", None), float):
            changes.append((module, "layerdrop", recipe.layer_drop))
    config = getattr(network, "config", None)
    if recipe.layer_drop is not None and hasattr(config, "layerdrop"):
        changes.append((config, "layerdrop", recipe.layer_drop))
    if masks_hidden(network) and (recipe.augment.time_mask or recipe.augment.frequency_mask):
        changes.append((config, "mask_time_prob", recipe.augment.time_mask))
        if hasattr(config, "apply_spec_augment"):
            changes.append((config, "apply_spec_augment", True))
        if hasattr(config, "mask_feature_min_masks"):  # WavLM masks only time
            changes.append((config, "mask_feature_prob", recipe.augment.frequency_mask))
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    try:
        for owner, name, value in changes:
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in before:
            setattr(owner, name, value)


def masks_hidden(network: nn.Module) -> bool:
    """Returns whether a network masks its first hidden layer in training, as wav2vec 2.0 and its relatives do."""
    config = getattr(network, "config", None)
    return hasattr(config, "mask_time_prob") and getattr(config, "model_type", "") != "whisper"


def adversarial_loss(
    model: AsrModel, batch: Sequence[Example], features: Sequence[Features], epsilon: float, smoothing: float = 0.0
) -> torch.Tensor:
    """Returns the mean of the clean loss and the loss after an adversarial step of size epsilon.

    The step is that of the fast gradient sign method (Goodfellow et al. 2015, arXiv 1412.6572, section 4):
    x + epsilon * sign(grad_x L(x)), taken on the network's input, in the input's unit.
    """
    clean = [dataclasses.replace(one, values=one.values.detach().requires_grad_(True)) for one in features]
    with _reading_what_has_a_gradient(model.network):
        loss = model.loss(batch, model.prefix(batch, clean), smoothing)
    gradients = torch.autograd.grad(loss, [one.values for one in clean], retain_graph=True)
    disturbed = [
        dataclasses.replace(one, values=(one.values + epsilon * gradient.sign()).detach())
        for one, gradient in zip(clean, gradients, strict=True)
    ]
    return (loss + model.loss(batch, model.prefix(batch, disturbed), smoothing)) / 2


@contextmanager
def _reading_what_has_a_gradient(network: nn.Module) -> Iterator[None]:
    """Stops transformers' convolutions from setting `requires_grad` on their input, which fails on part of a graph."""
    asking: list[Any] = [module for module in network.modules() if getattr(module, "_requires_grad", False)]
    for module in asking:
        module._requires_grad = False
    try:
        yield
    finally:
        for module in asking:
            module._requires_grad = True
