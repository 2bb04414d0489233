"""Reads fairseq checkpoints of wav2vec 2.0 and HuBERT without fairseq and without trusting their pickles."""

from __future__ import annotations

import ast
import hashlib
import pickle
import re
from argparse import Namespace
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import HubertConfig, Wav2Vec2Config

from core.errors import ModelError
from core.models.sources.bounds import SPARE_PARAMETERS, bounded_building, is_packed
from core.models.sources.convert import BLANK, NORMS, built_once, renamed, write_folder
from core.storage.files import home, sha256

DICTIONARY = "dict.ltr.txt"  # the letters, in the checkpoint's folder
SPECIAL = (BLANK, "<s>", "</s>", "<unk>")  # fairseq's first four are <s> <pad> </s> <unk>, and its blank is the first
PRETRAINED = ("wav2vec2", "hubert")
FINE_TUNED = ("wav2vec_ctc", "hubert_ctc")
MAX_LAYERS = 100
MAX_SIZE = 1 << 16  # of any one number in the settings
MAX_EXPRESSION = 500  # characters

# fairseq's name, transformers' name. {n} is a number, {p} "weight" or "bias". The prefix that fine-tuning
# adds (w2v_encoder.w2v_model.) is removed first. Source: fairseq/models/wav2vec/wav2vec2.py and hubert/hubert.py, 0.12.
NAMES = (
    ("mask_emb", "masked_spec_embed"),
    ("feature_extractor.conv_layers.{n}.0.{p}", "feature_extractor.conv_layers.{n}.conv.{p}"),
    ("feature_extractor.conv_layers.{n}.2.{p}", "feature_extractor.conv_layers.{n}.layer_norm.{p}"),  # group norm
    ("feature_extractor.conv_layers.{n}.2.1.{p}", "feature_extractor.conv_layers.{n}.layer_norm.{p}"),  # layer norm
    ("layer_norm.{p}", "feature_projection.layer_norm.{p}"),
    ("post_extract_proj.{p}", "feature_projection.projection.{p}"),
    ("encoder.pos_conv.0.bias", "encoder.pos_conv_embed.conv.bias"),
    ("encoder.pos_conv.0.weight_g", "encoder.pos_conv_embed.conv.parametrizations.weight.original0"),
    ("encoder.pos_conv.0.weight_v", "encoder.pos_conv_embed.conv.parametrizations.weight.original1"),
    ("encoder.layer_norm.{p}", "encoder.layer_norm.{p}"),
    ("encoder.layers.{n}.self_attn.q_proj.{p}", "encoder.layers.{n}.attention.q_proj.{p}"),
    ("encoder.layers.{n}.self_attn.k_proj.{p}", "encoder.layers.{n}.attention.k_proj.{p}"),
    ("encoder.layers.{n}.self_attn.v_proj.{p}", "encoder.layers.{n}.attention.v_proj.{p}"),
    ("encoder.layers.{n}.self_attn.out_proj.{p}", "encoder.layers.{n}.attention.out_proj.{p}"),
    ("encoder.layers.{n}.self_attn_layer_norm.{p}", "encoder.layers.{n}.layer_norm.{p}"),
    ("encoder.layers.{n}.fc1.{p}", "encoder.layers.{n}.feed_forward.intermediate_dense.{p}"),
    ("encoder.layers.{n}.fc2.{p}", "encoder.layers.{n}.feed_forward.output_dense.{p}"),
    ("encoder.layers.{n}.final_layer_norm.{p}", "encoder.layers.{n}.final_layer_norm.{p}"),
    ("proj.{p}", "lm_head.{p}"),
)

# Only pretraining needs these: the quantised targets of wav2vec 2.0, the cluster embeddings of HuBERT.
DROPPED = ("quantizer.{rest}", "project_q.{p}", "final_proj.{p}", "target_glu.{rest}", "label_embs_concat")

# fairseq's name of a setting, transformers' name, and fairseq's default if a checkpoint does not set it.
SETTINGS: tuple[tuple[str, str, int | float | bool], ...] = (
    ("encoder_layers", "num_hidden_layers", 12),
    ("encoder_embed_dim", "hidden_size", 768),
    ("encoder_ffn_embed_dim", "intermediate_size", 3072),
    ("encoder_attention_heads", "num_attention_heads", 12),
    ("layer_norm_first", "do_stable_layer_norm", False),
    ("conv_bias", "conv_bias", False),
    ("conv_pos", "num_conv_pos_embeddings", 128),
    ("conv_pos_groups", "num_conv_pos_embedding_groups", 16),
    ("dropout", "hidden_dropout", 0.1),
    ("attention_dropout", "attention_dropout", 0.1),
    ("activation_dropout", "activation_dropout", 0.0),
    ("dropout_input", "feat_proj_dropout", 0.0),
    ("encoder_layerdrop", "layerdrop", 0.0),
    ("final_dropout", "final_dropout", 0.0),
)

# Settings that fine-tuning overrides (fairseq's name there, and the name above).
RESET = (
    ("dropout", "dropout"),
    ("attention_dropout", "attention_dropout"),
    ("activation_dropout", "activation_dropout"),
    ("dropout_input", "dropout_input"),
    ("layerdrop", "encoder_layerdrop"),
    ("final_dropout", "final_dropout"),
)

# Settings for which transformers supports only one value; others are refused.
FIXED: tuple[tuple[str, object], ...] = (
    ("activation_fn", "gelu"),
    ("layer_type", "transformer"),
    ("pos_conv_depth", 1),
    ("conv_pos_batch_norm", False),
    ("crop_seq_to_multiple", 1),
    ("quantize_input", False),
)

CONV_LAYERS = "[(512, 10, 5)] + [(512, 3, 2)] * 4 + [(512, 2, 2)] * 2"  # fairseq's default
EXTRACTOR_MODES = dict(zip(("default", "layer_norm"), NORMS, strict=True))


@dataclass(frozen=True)
class Checkpoint:
    """The contents of a fairseq checkpoint.

    Attributes:
        config: the network that its settings describe.
        state: its weights, float32, by transformers' names; the CTC head's are "lm_head.weight" and "lm_head.bias".
        normalise: whether each clip is scaled to mean 0 and variance 1 first.
        fine_tuned: whether it was trained to write letters.
    """

    config: Wav2Vec2Config | HubertConfig
    state: dict[str, torch.Tensor]
    normalise: bool
    fine_tuned: bool


def fairseq_folder(path: Path) -> Path:
    """Returns the Hugging Face folder of a fairseq checkpoint, converting it on the first call.

    The folder's name includes the checksum of the checkpoint and of its letters, so each gets its own folder. A checkpoint
    that was only pretrained becomes a network without a head or a vocabulary.

    Args:
        path: the checkpoint; if it was fine-tuned, dict.ltr.txt must be in the same folder.

    Raises:
        ModelError: as `read_checkpoint`, or the letters of a fine-tuned one are missing.
    """
    sums = [sha256(file) for file in (path, path.with_name(DICTIONARY)) if file.is_file()]
    digest = sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()
    folder = home() / "models" / f"{path.stem[:100]}-{digest[:12]}"
    return built_once(folder, lambda building: _convert(path, building))


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint of wav2vec 2.0 or HuBERT, pretrained or fine-tuned with CTC.

    torch's restricted reader only creates tensors, plain values and `argparse.Namespace`: no code in the file runs.

    Raises:
        ModelError: it contains another class, is damaged, is not such a checkpoint, or is of a network transformers lacks.
    """
    loaded = _load(path)
    try:
        weights = _fields(loaded, "the checkpoint").get("model")
        if not isinstance(weights, dict) or not all(isinstance(t, torch.Tensor) for t in weights.values()):
            raise ValueError("it holds no weights")
        if sum(tensor.numel() for tensor in weights.values()) > path.stat().st_size:  # one value, claimed many times
            raise ValueError("it holds fewer weights than it says")
        model, task = _sections(loaded)
        kind = _kind(model, (*PRETRAINED, *FINE_TUNED))
        fine_tuned = kind in FINE_TUNED
        normalise = task.get("normalize", model.get("normalize", False))
        if fine_tuned:
            _refuse_others(model, [("blank_weight", 0)])
            inner, _ = _pretrained_sections(model, path)
            kind = _kind(inner, PRETRAINED)
            model = {**inner, **{name: model[old] for old, name in RESET if model.get(old) is not None}}
        if not isinstance(normalise, bool):
            raise ValueError(f"its setting normalize is {_shown(normalise)}")
        state = renamed({_unwrapped(name): t for name, t in weights.items()}, NAMES, DROPPED)
        return Checkpoint(_config(kind, model, state), state, normalise, fine_tuned)
    except (ValueError, TypeError, RuntimeError) as error:  # a setting may be of any type, a tensor even
        raise _malformed(path, str(error)) from error


def read_dictionary(path: Path) -> list[str]:
    """Returns the symbol of each output of the head, by transformers' names.

    A line is a symbol, a space and its count. fairseq puts <s>, <pad>, </s> and <unk> before them and uses the first as CTC's
    blank; transformers calls the blank <pad>, so those two swap names. Source: fairseq/data/dictionary.py
    and criterions/ctc.py.

    Raises:
        ModelError: a line has another form, or a symbol occurs twice.
    """
    try:
        written = path.read_text(encoding="utf-8").split("\n")
        lines = [line.rstrip().rsplit(" ", 1) for line in written if line]
        labels = [*SPECIAL, *(symbol for symbol, count in lines if int(count) >= 0)]
    except ValueError as error:  # also text that is not UTF-8
        raise _malformed(path, "a line is not a symbol and its count") from error
    if len(set(labels)) != len(labels):
        raise _malformed(path, "a symbol occurs twice")
    return labels


def parse_conv_layers(text: str) -> list[tuple[int, int, int]]:
    """Returns the convolutions of a fairseq setting such as "[(512, 10, 5)] + [(512, 3, 2)] * 4".

    fairseq evaluates it as Python; here only lists of three whole numbers, their sums and their multiples are allowed.

    Returns:
        (channels, kernel, stride) of each, the last two in samples of the layer below.

    Raises:
        ValueError: anything else, or more than `MAX_LAYERS`.
    """
    if len(text) > MAX_EXPRESSION:
        raise ValueError("its conv_feature_layers are too long")
    try:
        layers = _conv_layers(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"its conv_feature_layers are {_shown(text)}") from error
    if not layers:
        raise ValueError("its conv_feature_layers are empty")
    return layers


def _convert(path: Path, folder: Path) -> None:
    checkpoint = read_checkpoint(path)
    labels = None
    if checkpoint.fine_tuned:
        dictionary = path.with_name(DICTIONARY)
        if not dictionary.is_file():
            raise ModelError(
                "fairseq_no_vocabulary",
                f"{path.name} was trained to transcribe, but the list of its letters is missing. "
                f"Put its {DICTIONARY} into {path.parent}.",
                id=path.name,
                name=DICTIONARY,
            )
        labels = read_dictionary(dictionary)
        head = checkpoint.state.get("lm_head.weight")
        if head is not None and len(head) != len(labels):
            raise _malformed(dictionary, f"with fairseq's own four it names {len(labels)} labels, but the head has {len(head)}")
    most = 2 * sum(tensor.numel() for tensor in checkpoint.state.values()) + SPARE_PARAMETERS
    try:
        with bounded_building(path.name, most=most):
            write_folder(folder, checkpoint.config, checkpoint.state, checkpoint.normalise, labels)
    except (ValueError, TypeError, RuntimeError) as error:
        raise _malformed(path, str(error)) from error


def _load(path: Path) -> Any:
    if is_packed(path):
        raise _malformed(path, "it is compressed")
    try:
        with torch.serialization.safe_globals([Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen unrelated types on truncated or foreign files
        refused = re.search(r"GLOBAL ([\w.]+)", str(error)) if isinstance(error, pickle.UnpicklingError) else None
        if refused is None:
            raise _malformed(path, "it cannot be read as a file of weights") from error
        raise ModelError(
            "fairseq_untrusted",
            f"{path.name} contains a {refused[1]}; opening it could run code, so it was not opened. If you trust it and "
            "fairseq is installed, save it again with plain dicts under 'model' and 'cfg', and nothing else.",
            id=path.name,
            name=refused[1],
        ) from error


def _malformed(path: Path, what: str) -> ModelError:
    return ModelError(
        "fairseq_format",
        f"{path.name} is not a fairseq checkpoint of wav2vec 2.0 or HuBERT that can be converted: "
        f"{' '.join(what.split())[:200]}. Download it again, or choose another.",
        id=path.name,
    )


def _fields(value: Any, what: str) -> dict[str, Any]:
    fields = vars(value) if isinstance(value, Namespace) else value
    if not isinstance(fields, dict):
        raise ValueError(f"{what} is not a table")
    return fields


def _sections(loaded: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the settings of the network and of its task: separate in `cfg`, one and the same in the older `args`."""
    outer = _fields(loaded, "the checkpoint")
    found = outer.get("cfg") if outer.get("cfg") is not None else outer.get("args")
    return _apart(_fields(found, "its cfg or args"))


def _apart(settings: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    if not isinstance(settings.get("model"), dict | Namespace):
        return settings, settings
    return _fields(settings["model"], "its model"), _fields(settings.get("task") or {}, "its task")


def _pretrained_sections(model: dict[str, Any], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the settings of the network below the head, from the checkpoint or from the one it started from."""
    if model.get("w2v_args") is not None:
        return _apart(_fields(model["w2v_args"], "its w2v_args"))
    name = re.split(r"[/\\]", str(model.get("w2v_path") or ""))[-1]
    if name in ("", ".", "..") or name == path.name or not path.with_name(name).is_file():
        raise ValueError(f"its network is described in {name or 'another checkpoint'}, which should be in the same folder")
    return _sections(_load(path.with_name(name)))


def _kind(model: Mapping[str, Any], known: Iterable[str]) -> str:
    kind = model.get("_name") or model.get("arch")  # the first in `cfg`, the second in `args`
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(f"its network is {_shown(kind)}")
    return kind


def _unwrapped(name: Any) -> str:
    return str(name).removeprefix("w2v_encoder.").removeprefix("w2v_model.")


def _config(kind: str, model: Mapping[str, Any], state: Mapping[str, torch.Tensor]) -> Wav2Vec2Config | HubertConfig:
    _refuse_others(model, FIXED)
    chosen: dict[str, Any] = {new: _number(model, old, default) for old, new, default in SETTINGS}
    layers = {found[1] for found in (re.match(r"encoder\.layers\.(\d+)\.", name) for name in state) if found}
    if chosen["num_hidden_layers"] != len(layers):
        raise ValueError(f"it has {len(layers)} layers where its settings say {chosen['num_hidden_layers']}")
    mode = model.get("extractor_mode") or "default"
    if mode not in EXTRACTOR_MODES:
        raise ValueError(f"its extractor_mode is {_shown(mode)}")
    convolutions = parse_conv_layers(str(model.get("conv_feature_layers") or CONV_LAYERS))
    channels, kernels, strides = zip(*convolutions, strict=True)
    family = HubertConfig if kind == "hubert" else Wav2Vec2Config
    try:
        return family(
            conv_dim=channels,
            conv_kernel=kernels,
            conv_stride=strides,
            feat_extract_norm=EXTRACTOR_MODES[mode],
            **chosen,
        )
    except Exception as error:  # transformers raises its own errors for settings
        raise ValueError("its settings contradict one another") from error


def _number(model: Mapping[str, Any], name: str, default: int | float | bool) -> int | float | bool:
    value = default if model.get(name) is None else model[name]
    if isinstance(default, bool) or isinstance(value, bool):
        fits = isinstance(default, bool) and isinstance(value, bool)
    elif isinstance(default, int):
        fits = isinstance(value, int) and 1 <= value <= MAX_SIZE
    else:
        fits = isinstance(value, int | float) and 0 <= value <= 1
    if not fits:
        raise ValueError(f"its setting {name} is {_shown(value)}")
    return value


def _refuse_others(model: Mapping[str, Any], fixed: Iterable[tuple[str, object]]) -> None:
    for name, only in fixed:
        if model.get(name) is not None and model[name] != only:
            raise ValueError(f"its setting {name} is {_shown(model[name])}, and only {only!r} can be converted")


def _conv_layers(node: ast.expr) -> list[tuple[int, int, int]]:
    match node:
        case ast.List(elts=items):
            layers = [_conv_layer(item) for item in items]
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            layers = _conv_layers(left) + _conv_layers(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            times, repeated = (left, right) if isinstance(left, ast.Constant) else (right, left)
            layers = _conv_layers(repeated) * min(_whole(times), MAX_LAYERS + 1)
        case _:
            raise ValueError("its conv_feature_layers are more than lists of numbers")
    if len(layers) > MAX_LAYERS:
        raise ValueError(f"its conv_feature_layers are more than {MAX_LAYERS}")
    return layers


def _conv_layer(node: ast.expr) -> tuple[int, int, int]:
    match node:
        case ast.Tuple(elts=[channels, kernel, stride]) | ast.List(elts=[channels, kernel, stride]):
            return _whole(channels), _whole(kernel), _whole(stride)
    raise ValueError("its conv_feature_layers are not all (channels, kernel, stride)")


def _whole(node: ast.expr) -> int:
    match node:
        case ast.Constant(value=int() as value) if not isinstance(value, bool) and 1 <= value <= MAX_SIZE:
            return value
    raise ValueError(f"its conv_feature_layers hold more than whole numbers from 1 to {MAX_SIZE}")


def _shown(value: object) -> str:
    return repr(value)[:60]
