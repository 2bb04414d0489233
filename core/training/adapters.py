"""Adapters, via PEFT: a few new weights beside a network's projections are trained while the network itself is frozen.

- lora: W x + (alpha / rank) B A x, where A is drawn at random and B starts at 0 (Hu et al. 2021, arXiv 2106.09685).
- dora: the same, with the norm of each weight row trained separately from its direction (Liu et al. 2024, arXiv 2402.09353).
- ia3: keys, values and the feed-forward block's inner activations are multiplied by learned factors that start at 1
  (Liu et al. 2022, arXiv 2205.05638).

All three leave the network's output unchanged until training starts, and can be merged into the weights they sit on.
"""

from __future__ import annotations

import copy
import dataclasses
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import save_file
from torch import nn

from core.errors import ModelError, one_of
from core.models.base.protocol import AsrModel, Layer
from core.models.base.random_numbers import RandomNumbers
from core.models.sources import peft_adapter
from core.training.recipe import ADAPTERS, TARGETS

if TYPE_CHECKING:
    from peft import IA3Config, LoraConfig

# peft is imported only where it is used: few runs need it, and importing it takes a third of a second.

# The role of a linear projection, by the end of its name; the first matching row wins.
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
_SCALED = ("key", "value", "narrowing")  # by ia3; for the last, its input is scaled: the block's inner activations

# These use their projections' weights directly and never call the modules, so an adapter there would do nothing.
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
    """Attaches an adapter to the projections of some layers, in place; the network's output stays the same.

    Convolutions, norms, embeddings, output layers and positional projections never get one. Every parameter except the
    adapter's is frozen. Call `merge` before `model.save`.

    Args:
        model: the base.
        layers: some of `model.layers()`.
        kind: one of `core.training.recipe.ADAPTERS`; "none" changes nothing.
        targets: "attention" (query, key, value and output), "feed_forward" (both projections of a block) or "all".
            As in its paper, IA3 uses only the key, the value and a block's second projection.
        rank: rows of A, columns of B. IA3 ignores it, as well as alpha and dropout.
        alpha: B A is multiplied by alpha / rank.
        dropout: share of A's inputs dropped in training.
        seed: seeds A's initial values.

    Returns:
        The same layers in order, each with only its adapter's parameters, float32; none for a layer without such a
        projection.

    Raises:
        ModelError: no layer has a projection that an adapter can sit on, or the model already has an adapter.
        RecipeError: unknown kind or targets.
    """
    one_of("adapter", kind, ADAPTERS)
    one_of("adapter_targets", targets, TARGETS)
    if kind == "none":
        return list(layers)
    if is_attached(model):
        raise ModelError("adapter_present", f"{model.id} already has an adapter. Merge it first.", id=model.id)
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
    """Returns whether a model has an adapter that has not been merged."""
    return hasattr(model.network, "peft_config")


def drift(model: AsrModel, parameters: Collection[nn.Parameter]) -> float:
    """Returns ||W' - W|| / ||W|| over the projections that hold the given adapter parameters; W' is W after merging.

    Args:
        model: the model with its adapter attached.
        parameters: adapter parameters, such as those of one layer returned by `attach`.
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


def blend(model: AsrModel, share: float) -> None:
    """Moves what an adapter makes of its weights to W + share * (W' - W), in the adapter itself; does nothing without one.

    What lora and ia3 add is proportional to B and to their factors less 1. Dora's rows are m / n (W + D) with
    D = alpha / rank B A and n = ||W + D||; with b = share m / n and c = 1 - share + b, the row wanted is c (W + b / c D).

    Args:
        model: the model with its adapter attached, trained.
        share: 0 for the base, 1 for what was trained.
    """
    from peft.tuners.ia3 import IA3Layer
    from peft.tuners.lora import LoraLayer

    for module in model.network.modules() if is_attached(model) else ():
        layer: Any = module
        with torch.no_grad():
            if isinstance(module, IA3Layer):
                for factors in layer.ia3_l.values():
                    factors.copy_(1 + share * (factors - 1))
            elif isinstance(module, LoraLayer):
                for name, up in layer.lora_B.items():
                    if not layer.use_dora[name]:
                        up.weight.mul_(share)
                        continue
                    before, added = layer.get_base_layer().weight, layer.get_delta_weight(name)
                    lengths = layer.lora_magnitude_vector[name].weight
                    b = share * lengths / (before + added).norm(dim=1)
                    c = 1 - share + b
                    up.weight.mul_((b / c)[:, None])
                    lengths.copy_(c * (before + (b / c)[:, None] * added).norm(dim=1))


def merge(model: AsrModel, unchanged: bool = False) -> None:
    """Merges an adapter into the weights it sits on and removes it; does nothing if there is none.

    Afterwards the network is an ordinary one again; frozen parameters stay frozen.

    Args:
        model: the model.
        unchanged: whether the adapter is as it was attached. It is then only removed: DoRA's would change the last bits.
    """
    if is_attached(model):
        peft_adapter.merge(model.network, unchanged)


def save(model: AsrModel, folder: Path) -> None:
    """Writes the unmerged adapter by itself, as a folder that `peft.PeftModel.from_pretrained` reads.

    The folder must not be the model's own folder: transformers would treat the adapter as part of the model.

    Raises:
        ModelError: the model has no adapter.
    """
    if not is_attached(model):
        raise ModelError("adapter_missing", f"{model.id} has no adapter to save.", id=model.id)
    from peft import get_peft_model_state_dict

    network: Any = model.network
    (config,) = network.peft_config.values()
    dataclasses.replace(config, base_model_name_or_path=model.id, inference_mode=True).save_pretrained(str(folder))
    # By default, PEFT asks the hub whether the vocabulary has grown.
    state = get_peft_model_state_dict(network, save_embedding_layers=False)
    state = {_PREFIX + name: tensor.contiguous() for name, tensor in state.items()}
    save_file(state, folder / peft_adapter.WEIGHT_FILES[0], {"format": "pt"})


def _projections(network: nn.Module) -> dict[str, str]:
    """Returns the role of every linear projection that an adapter can sit on, keyed by its full name."""
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
        lora_alpha=alpha,  # type: ignore[arg-type]  # PEFT accepts any number
        lora_dropout=dropout,
        use_dora=kind == "dora",
        target_modules=list(names),
    )


def _inject(network: nn.Module, configuration: LoraConfig | IA3Config, seed: int) -> None:
    from peft import inject_adapter_in_model

    with RandomNumbers(seed):  # PEFT draws on the CPU, whatever device the network is on
        inject_adapter_in_model(configuration, network)
    network.train(network.training)  # new modules start in training mode, with dropout on


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
        f"An adapter of {model.id} cannot be placed on {targets} in these layers: {named}. It can be placed on {instead}.",
        id=model.id,
        layers=named,
        targets=targets,
        instead=instead,
    )
