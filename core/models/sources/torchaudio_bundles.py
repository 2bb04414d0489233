"""Converts the wav2vec 2.0 and HuBERT bundles of torchaudio to Hugging Face folders."""

from __future__ import annotations

import http.client
import urllib.error
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants
from transformers import HubertConfig, Wav2Vec2Config

from core.errors import ModelError
from core.models.sources.convert import BLANK, NORMS, built_once, renamed, write_folder
from core.models.sources.model_ids import TORCHAUDIO, is_bundle_id
from core.models.sources.origins import torchaudio_path

# torchaudio's name, transformers' name. {n} is a number, {p} "weight" or "bias".
# Source: torchaudio/models/wav2vec2/components.py, 2.11.
NAMES = (
    ("feature_extractor.conv_layers.{n}.conv.{p}", "feature_extractor.conv_layers.{n}.conv.{p}"),
    ("feature_extractor.conv_layers.{n}.layer_norm.{p}", "feature_extractor.conv_layers.{n}.layer_norm.{p}"),
    ("encoder.feature_projection.layer_norm.{p}", "feature_projection.layer_norm.{p}"),
    ("encoder.feature_projection.projection.{p}", "feature_projection.projection.{p}"),
    ("encoder.transformer.pos_conv_embed.conv.bias", "encoder.pos_conv_embed.conv.bias"),
    *(
        (
            f"encoder.transformer.pos_conv_embed.conv.parametrizations.weight.original{part}",
            f"encoder.pos_conv_embed.conv.parametrizations.weight.original{part}",
        )
        for part in (0, 1)
    ),
    ("encoder.transformer.layer_norm.{p}", "encoder.layer_norm.{p}"),
    *(
        (f"encoder.transformer.layers.{{n}}.{part}.{{p}}", f"encoder.layers.{{n}}.{part}.{{p}}")
        for part in (
            *(f"attention.{projection}_proj" for projection in ("q", "k", "v", "out")),
            "layer_norm",
            "feed_forward.intermediate_dense",
            "feed_forward.output_dense",
            "final_layer_norm",
        )
    ),
    ("aux.{p}", "lm_head.{p}"),
)


def torchaudio_folder(id: str) -> Path:
    """Returns the Hugging Face folder of a torchaudio bundle, downloading and converting it on the first call.

    Args:
        id: e.g. "torchaudio:WAV2VEC2_ASR_BASE_960H", "torchaudio:HUBERT_BASE". Bundles without ASR in their name become a
            network without a head or a vocabulary. Source: torchaudio.pipelines.

    Raises:
        ModelError: there is no such bundle of wav2vec 2.0 or HuBERT, it cannot be downloaded, or torchaudio cannot be imported.
    """
    if not is_bundle_id(id):  # before it becomes part of a path
        raise _unknown(id)
    return built_once(torchaudio_path(id), lambda building: _convert(id, building))


def _convert(id: str, folder: Path) -> None:
    bundle = _bundle(id)
    if constants.HF_HUB_OFFLINE:  # meant for the hub, and applied to every network
        raise _unreachable(id)
    try:
        model = bundle.get_model(dl_kwargs={"weights_only": True})
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        raise _unreachable(id) from error
    normalise = bool(getattr(model, "normalize_waveform", False))
    network = getattr(model, "model", model)  # torchaudio wraps the models that need normalised clips
    config = _config(network, HubertConfig if id.removeprefix(TORCHAUDIO).startswith("HUBERT") else Wav2Vec2Config)
    state = renamed(network.state_dict(), NAMES)
    # torchaudio leaves out the vector that replaced masked frames in pretraining; zeros are SpecAugment's own choice.
    state["masked_spec_embed"] = torch.zeros(config.hidden_size)
    labels = bundle.get_labels(blank=BLANK) if hasattr(bundle, "get_labels") else None
    write_folder(folder, config, state, normalise, labels)


def _bundle(id: str) -> Any:
    try:
        from torchaudio import pipelines  # slow to import and rarely needed
    except (ImportError, OSError) as error:
        raise ModelError(
            "model_package_missing",
            f"{id} comes in the package torchaudio, which is not installed or does not fit torch {torch.__version__}. "
            "Run: pip install torchaudio",
            id=id,
            package="torchaudio",
        ) from error
    name = id.removeprefix(TORCHAUDIO)
    bundle = getattr(pipelines, name, None)
    # WavLM is another network, and the aligner of MMS (a third type of bundle) is not a recogniser.
    if type(bundle) not in (pipelines.Wav2Vec2Bundle, pipelines.Wav2Vec2ASRBundle) or name.startswith("WAVLM"):
        raise _unknown(id)
    return bundle


def _unreachable(id: str) -> ModelError:
    return ModelError(
        "model_unreachable",
        f"{id} is not downloaded yet, and torchaudio's server did not answer. "
        "Check the network, or choose whisper-tiny.en, which needs none.",
        id=id,
    )


def _unknown(id: str) -> ModelError:
    return ModelError(
        "torchaudio_unknown",
        f"torchaudio has no wav2vec 2.0 or HuBERT called {id.removeprefix(TORCHAUDIO)}. "
        f"Choose one of those it lists in torchaudio.pipelines, e.g. {TORCHAUDIO}WAV2VEC2_ASR_BASE_960H.",
        id=id,
    )


def _config(network: Any, family: type[Wav2Vec2Config] | type[HubertConfig]) -> Wav2Vec2Config | HubertConfig:
    """Derives a network's configuration from its modules."""
    convolutions = [block.conv for block in network.feature_extractor.conv_layers]
    projection, transformer = network.encoder.feature_projection, network.encoder.transformer
    positions, layer = transformer.pos_conv_embed.conv, transformer.layers[0]
    each = network.feature_extractor.conv_layers[-1].layer_norm is not None
    return family(
        conv_dim=[c.out_channels for c in convolutions],
        conv_kernel=[c.kernel_size[0] for c in convolutions],
        conv_stride=[c.stride[0] for c in convolutions],
        conv_bias=convolutions[0].bias is not None,
        feat_extract_norm=NORMS[each],
        feat_proj_dropout=projection.dropout.p,
        num_conv_pos_embeddings=positions.kernel_size[0],
        num_conv_pos_embedding_groups=positions.groups,
        num_hidden_layers=len(transformer.layers),
        hidden_size=projection.projection.out_features,
        num_attention_heads=layer.attention.num_heads,
        intermediate_size=layer.feed_forward.intermediate_dense.out_features,
        do_stable_layer_norm=layer.layer_norm_first,
        attention_dropout=layer.attention.dropout,
        activation_dropout=layer.feed_forward.intermediate_dropout.p,
        hidden_dropout=layer.dropout.p,
        layerdrop=transformer.layer_drop,
    )
