"""Merges a PEFT adapter, saved by itself, into the network of its base.

What adapter_config.json says is not handed to PEFT, which imports modules and compiles patterns that it names: the modules and
their ranks are those of the adapter's own weights, and only scales are taken from its settings.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from core.errors import AttuneError, ModelError
from core.models.base.protocol import AsrModel
from core.models.sources.bounds import check_folder, is_packed
from core.models.sources.incomplete import ADAPTER_FILE, refuse_damaged, refuse_pointers
from core.models.sources.model_ids import check_id, is_hub_id, is_network_path
from core.storage.files import read_json

WEIGHT_FILES = ("adapter_model.safetensors", "adapter_model.bin")

# The settings of LoraConfig and IA3Config that are used here, or that do not matter once the adapter is trained. Any other,
# if it is set, may change what the adapter computes. Source: PEFT 0.21, tuners/lora/config.py and tuners/ia3/config.py.
_SETTINGS = {
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "corda_config", "ensure_weight_tying", "eva_config",
    "exclude_modules", "fan_in_fan_out", "feedforward_modules", "inference_mode", "init_ia3_weights", "init_lora_weights",
    "layers_pattern", "layers_to_transform", "loftq_config", "lora_alpha", "lora_dropout", "lora_ga_config", "megatron_core",
    "modules_to_save", "peft_type", "peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "runtime_config",
    "target_modules", "task_type", "use_dora", "use_rslora",
}  # fmt: skip
_PLAIN_STARTS = (None, True, False, "gaussian", "orthogonal", "eva")  # of lora's A and B; the others change the base as well
_PREFIX = "base_model.model."
_PART = re.compile(r"(?P<module>.+)\.(?P<part>lora_A|lora_B|lora_magnitude_vector|ia3_l)(\.weight)?")
_PATTERN = re.compile(r"[\w.]{1,200}")  # of module names, without anything that takes long to match


def base_of(id: str, folder: Path) -> str:
    """Returns what an adapter calls its base: the id or the folder of a model, which need not be there.

    Args:
        id: what the user calls the adapter.
        folder: of the adapter.

    Raises:
        ModelError: its settings cannot be read, or name no base.
    """
    refuse_pointers(id, folder)
    check_folder(id, folder)
    named = read_json(folder / ADAPTER_FILE).get("base_model_name_or_path")
    try:
        check_id(named if isinstance(named, str) else "")
    except AttuneError:
        named = None
    if not isinstance(named, str) or not named.strip() or is_network_path(named):
        raise ModelError(
            "model_adapter_nameless",
            f"{id} is a PEFT adapter, and its {ADAPTER_FILE} does not say of which model. Write the id or the folder of its "
            "base there, as base_model_name_or_path.",
            id=id,
        )
    return named.strip()


def no_base(id: str, base: str) -> ModelError:
    """The error of an adapter whose base is not here."""
    get = f"Download that model (attune models --fetch {base}), or write" if is_hub_id(base) else "Write"
    return ModelError(
        "model_adapter_base",
        f"{id} is a PEFT adapter of {base}, which is not on this computer. {get} the path of the base's folder into "
        f"{ADAPTER_FILE} as base_model_name_or_path.",
        id=id,
        base=base,
    )


def merge_adapter(model: AsrModel, folder: Path) -> None:
    """Merges an adapter into a loaded base, in place.

    Args:
        model: the base; its id is what the user calls the adapter.
        folder: of the adapter; its settings have been checked.

    Raises:
        ModelError: the adapter is of another kind than LoRA, DoRA or IA3, its weights are damaged, or it is of another base.
    """
    from peft import inject_adapter_in_model, set_peft_model_state_dict  # takes a third of a second to import

    settings, weights = read_json(folder / ADAPTER_FILE), _weights(model.id, folder)
    network: Any = model.network
    parts = {name: match for name in weights if (match := _PART.fullmatch(name))}
    plain = {_plain(name): value for name, value in weights.items() if name not in parts}
    trained = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
    try:
        state = {name: weights[name] for name in parts}
        inject_adapter_in_model(_configuration(model.id, settings, state, parts), network, low_cpu_mem_usage=True)
        outcome: Any = set_peft_model_state_dict(network, state, low_cpu_mem_usage=True)
        if outcome.unexpected_keys or any(parameter.is_meta for parameter in network.parameters()):
            raise _unfit(model.id, settings)
        network.to(model.device)
        merge(network)
        values = dict(network.named_parameters())
        with torch.no_grad():
            for name, value in plain.items():
                if values[name].shape != value.shape:  # copying would stretch it
                    raise _unfit(model.id, settings)
                values[name].copy_(value)
    except (KeyError, ValueError, RuntimeError, TypeError, AttributeError) as error:  # PEFT's, of modules that are not there
        raise _unfit(model.id, settings) from error
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(trained[name])


def merge(network: nn.Module, unchanged: bool = False) -> None:
    """Merges the adapter that PEFT attached to a network into the weights it sits on, and removes it.

    Args:
        network: with its adapter.
        unchanged: whether the adapter is only removed.
    """
    from peft.tuners.tuners_utils import BaseTunerLayer

    # PEFT's merge_and_unload is a method of its wrapper model, which this network does not have.
    for name, module in list(network.named_modules()):
        if isinstance(module, BaseTunerLayer):
            if not unchanged:
                module.merge()
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, module.get_base_layer())
    del network.peft_config


def _configuration(id: str, settings: dict[str, Any], state: dict[str, torch.Tensor], parts: dict[str, re.Match[str]]) -> Any:
    from peft import IA3Config, LoraConfig

    kind = settings.get("peft_type")
    odd = [name for name, value in settings.items() if value and name not in _SETTINGS]
    odd += ["init_lora_weights"] if settings.get("init_lora_weights") not in _PLAIN_STARTS else []
    if kind not in ("LORA", "IA3") or odd:
        named = str(odd[0] if odd else kind)[:60]
        raise ModelError(
            "model_adapter_kind",
            f"{id} is a PEFT adapter of a kind that Attune does not merge ({named}). Merge it into its base with PEFT "
            "(merge_and_unload), save the result with the base's other files, and load that folder.",
            id=id,
            kind=named,
        )
    if kind == "IA3":  # the factors of a feed-forward module are a row, one for each of its inputs
        modules = {match["module"]: state[name].shape[0] == 1 for name, match in parts.items()}
        return IA3Config(target_modules=[*modules], feedforward_modules=[name for name, row in modules.items() if row])
    ranks = {match["module"]: len(state[name]) for name, match in parts.items() if match["part"] == "lora_A"}
    alphas = settings.get("alpha_pattern") or {}
    if not ranks or not all(_PATTERN.fullmatch(name) for name in alphas):
        raise _unfit(id, settings)
    return LoraConfig(
        r=max(ranks.values()),
        rank_pattern={re.escape(name): rank for name, rank in ranks.items()},
        lora_alpha=settings.get("lora_alpha", 8),  # PEFT's default
        alpha_pattern={name: float(alpha) for name, alpha in alphas.items()},
        use_dora=bool(settings.get("use_dora")),
        use_rslora=bool(settings.get("use_rslora")),
        target_modules=[*ranks],
    )


def _weights(id: str, folder: Path) -> dict[str, torch.Tensor]:
    """Returns an adapter's weights, float32, by their names without the wrapper's prefix."""
    path = next((folder / name for name in WEIGHT_FILES if (folder / name).is_file()), None)
    if path is None:
        raise ModelError(
            "model_no_weights",
            f"{id} has no weights. Copy its {WEIGHT_FILES[0]} into the folder, or download it again.",
            id=id,
        )
    refuse_damaged(id, path)
    if path.suffix == ".safetensors":
        loaded = load_file(path)
    elif is_packed(path):
        raise ModelError("model_untrusted", f"{id} holds more than weights, and was not loaded.", id=id)
    else:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    return {name.removeprefix(_PREFIX): value.float() for name, value in loaded.items()}


def _plain(name: str) -> str:
    """Returns the network's name of a weight that was trained as a whole and saved along."""
    return re.sub(r"\.(base_layer|modules_to_save(\.default)?)(?=\.)", "", name)


def _unfit(id: str, settings: dict[str, Any]) -> ModelError:
    base = str(settings.get("base_model_name_or_path"))
    return ModelError(
        "model_adapter_unfit",
        f"{id} is a PEFT adapter that does not fit its base {base}. Check base_model_name_or_path in its {ADAPTER_FILE}, or "
        "merge the two with PEFT (merge_and_unload) and load the result.",
        id=id,
        base=base,
    )
