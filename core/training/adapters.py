"""Adapters, by PEFT: a few new weights beside a network's projections learn, and its own stay as they are.

- lora: W x + (alpha / rank) B A x, where A is drawn at random and B starts at 0 (Hu et al. 2021, arXiv 2106.09685).
- dora: the same, and the length of each row of weights learns apart from its direction (Liu et al. 2024, arXiv 2402.09353).
- ia3: keys, values and the feed-forward block's inner activations are multiplied by factors, which start at 1
  (Liu et al. 2022, arXiv 2205.05638).

All three change nothing before they have learnt, and can be folded into the weights they sit on.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file
from torch import nn

from core.errors import ModelError, one_of
from core.models.base.protocol import AsrModel, Layer
from core.models.base.random_numbers import RandomNumbers
from core.training.recipe import ADAPTERS, TARGETS

if TYPE_CHECKING:
    from peft import IA3Config, LoraConfig

# peft is imported where it is used: few need it, and it takes a third of a second.

WEIGHTS_FILE = "adapter_model.safetensors"  # as PEFT names it

# What a linear projection does, by the end of its name; the first row that fits counts.
# Source: the modeling_*.py files of transformers 5.24; fc1 to fc4 with .fc are torchaudio's DeepSpeech.
_ROLES = (
    ("query", r"q_proj|linear_q|query_proj"),
    ("key", r"k_proj|linear_k|key_proj"),
    ("value", r"v_proj|linear_v|value_proj"),
    ("output", r"out_proj|o_proj|linear_out|attention\.output\.dense"),
    ("widening", r"intermediate_dense|intermediate\.dense|linear1|fc1|fc1\.fc"),
    ("narrowing", r"output_dense|output\.dense|linear2|fc[234]|fc[234]\.fc"),
)
_TARGETED = {"attention": ("query", "key", "value", "output"), "feed_forward": ("widening", "narrowing")}
_TARGETED["all"] = _TARGETED["attention"] + _TARGETED["feed_forward"]
_SCALED = ("key", "value", "narrowing")  # by ia3; of the last it is the input, which the block holds in its middle

# These take the weights out of their projections and never call them, so that an adapter there would do nothing.
_BYPASSING = ("WavLMAttention",)

_PREFIX = "base_model.model."  # of a parameter's name in a PEFT file


def attach(
    model: AsrModel,
    layers: Sequence[Layer],
    kind: str,
    targets: str,
    rank: int,
    alpha: float,
    dropout: float = 0.0,
    seed: int = 0,
) -> list[Layer]:
    """Puts an adapter on the projections of some layers, in place; what the network computes stays the same.

    Convolutions, norms, embeddings and output layers never get one, nor do the projections of positions. Every
    parameter but the adapter's is frozen. `model.save` must wait until `merge` has been called.

    Args:
        model: the base.
        layers: of `model.layers()`.
        kind: of `core.training.recipe.ADAPTERS`; "none" changes nothing.
        targets: "attention" (query, key, value and output), "feed_forward" (both of a block's projections) or "all".
            IA3 keeps to the key, the value and the second of a block's, as its paper does.
        rank: rows of A, columns of B. IA3 has none, nor the two that follow.
        alpha: alpha / rank is what B A is multiplied by.
        dropout: share of the values that A reads which are left out in training.
        seed: of A's values.

    Returns:
        The same layers in order, each with its adapter's parameters alone, float32: none where a layer has no such
        projection.

    Raises:
        ModelError: no layer has a projection that an adapter can sit on, or the model carries one already.
        RecipeError: there is no such kind, or there are no such targets.
    """
    one_of("adapter", kind, ADAPTERS)
    one_of("adapter_targets", targets, TARGETS)
    if kind == "none":
        return list(layers)
    if is_attached(model):
        raise ModelError("adapter_present", f"{model.id} carries an adapter already. Merge it first.", id=model.id)
    roles = _projections(model.network)
    owners = {id(p): name for name in roles for p in model.network.get_submodule(name).parameters()}
    projections = [list(dict.fromkeys(owners[id(p)] for p in layer.parameters if id(p) in owners)) for layer in layers]

    def chosen(names: Sequence[str], targets: str) -> list[str]:
        return [n for n in names if roles[n] in _TARGETED[targets] and (kind != "ia3" or roles[n] in _SCALED)]

    everything = [name for names in projections for name in names]
    wanted = chosen(everything, targets)
    if not wanted:
        raise _unfit(model, layers, targets, next((t for t in TARGETS[:-1] if chosen(everything, t)), None))
    scaled = [name for name in wanted if roles[name] == "narrowing"]
    _inject(model.network, _configuration(kind, rank, alpha, dropout, wanted, scaled), seed)
    return [
        Layer(layer.name, layer.part, tuple(p for n in chosen(names, targets) for p in _added(model.network.get_submodule(n))))
        for layer, names in zip(layers, projections, strict=True)
    ]


def is_attached(model: AsrModel) -> bool:
    """Whether a model carries an adapter that has not been merged."""
    return hasattr(model.network, "peft_config")


def drift(model: AsrModel, parameters: Collection[nn.Parameter]) -> float:
    """Returns ||W' - W|| / ||W|| over the projections that some of an adapter's parameters sit on; W' is W merged.

    Args:
        model: with its adapter attached.
        parameters: an adapter's, such as those of one layer that `attach` returned.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    wanted = {id(parameter) for parameter in parameters}
    moved = length = 0.0
    for module in model.network.modules():
        if isinstance(module, BaseTunerLayer) and any(id(p) in wanted for p in module.parameters()):
            layer: Any = module
            before = layer.get_base_layer().weight.detach()
            merged: Any = copy.deepcopy(module)
            merged.merge()
            moved += float((merged.get_base_layer().weight.detach() - before).square().sum())
            length += float(before.square().sum())
    return (moved / max(length, 1e-30)) ** 0.5


def merge(model: AsrModel) -> None:
    """Folds an adapter into the weights it sits on and takes it away; without one, nothing happens.

    Afterwards the network is an ordinary one again; what was frozen stays so.
    """
    if not is_attached(model):
        return
    from peft.tuners.tuners_utils import BaseTunerLayer

    # PEFT's own merge_and_unload belongs to the wrapper that a network without one does not have.
    for name, module in list(model.network.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge()
            parent, _, child = name.rpartition(".")
            setattr(model.network.get_submodule(parent), child, module.get_base_layer())
    del model.network.peft_config


def save(model: AsrModel, folder: Path) -> None:
    """Writes the adapter alone, before it is merged, as a folder that `peft.PeftModel.from_pretrained` reads.

    The folder must not be the model's own: transformers would take the adapter in it for a part of the model.

    Raises:
        ModelError: there is no adapter.
    """
    if not is_attached(model):
        raise ModelError("adapter_missing", f"{model.id} carries no adapter that could be saved.", id=model.id)
    from peft import get_peft_model_state_dict

    network: Any = model.network
    (config,) = network.peft_config.values()
    dataclasses.replace(config, base_model_name_or_path=model.id, inference_mode=True).save_pretrained(str(folder))
    # Left to itself, PEFT asks the hub whether the vocabulary has grown.
    state = get_peft_model_state_dict(network, save_embedding_layers=False)
    state = {_PREFIX + name: tensor.contiguous() for name, tensor in state.items()}
    save_file(state, folder / WEIGHTS_FILE, {"format": "pt"})


def _projections(network: nn.Module) -> dict[str, str]:
    """Returns the role of every linear projection that an adapter can sit on, by its full name."""
    modules = dict(network.named_modules())
    found = {}
    for name, module in modules.items():
        role = next((role for role, ends in _ROLES if re.fullmatch(rf"(?:.*\.)?(?:{ends})", name)), None)
        owner = modules[name.rpartition(".")[0]]
        if role and type(module) is nn.Linear and type(owner).__name__ not in _BYPASSING:
            found[name] = role
    return found


def _configuration(
    kind: str, rank: int, alpha: float, dropout: float, names: Sequence[str], scaled: Sequence[str]
) -> LoraConfig | IA3Config:
    from peft import IA3Config, LoraConfig

    if kind == "ia3":
        return IA3Config(target_modules=list(names), feedforward_modules=list(scaled))
    return LoraConfig(
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # any number will do
        lora_dropout=dropout,
        use_dora=kind == "dora",
        target_modules=list(names),
    )


def _inject(network: nn.Module, configuration: LoraConfig | IA3Config, seed: int) -> None:
    from peft import inject_adapter_in_model

    with RandomNumbers(seed):  # PEFT draws on the CPU, wherever the network is
        inject_adapter_in_model(configuration, network)
    network.train(network.training)  # new modules would drop values whatever the others do


def _added(module: nn.Module) -> list[nn.Parameter]:
    return [parameter for name, parameter in module.named_parameters() if not name.startswith("base_layer.")]


def _unfit(model: AsrModel, layers: Sequence[Layer], targets: str, instead: str | None) -> ModelError:
    named = ", ".join(layer.name for layer in layers)
    if instead is None:
        return ModelError(
            "adapter_unfit",
            f"No adapter fits these layers of {model.id}: {named}. They have no projections of attention or feed-forward "
            "blocks that one can sit on. Train others, or train without an adapter.",
            id=model.id,
            layers=named,
        )
    return ModelError(
        "adapter_targets_unfit",
        f"An adapter of {model.id} cannot sit on {targets} in these layers: {named}. It can sit on {instead}.",
        id=model.id,
        layers=named,
        targets=targets,
        instead=instead,
    )
