"""Bundles of tiny random networks in torchaudio, and a server that has their weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torchaudio import pipelines
from torchaudio.models import wav2vec2_model
from torchaudio.pipelines._wav2vec2 import utils

from core.audio.sound_files import SAMPLE_RATE

LABELS = ("|", "E", "T", "A", "'")
SETTINGS = {
    "extractor_conv_layer_config": [(12, 10, 5), *[(12, 3, 2)] * 3, (12, 2, 2)],
    "encoder_embed_dim": 16,
    "encoder_projection_dropout": 0.1,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 2,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.2,
    "encoder_ff_interm_features": 24,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.3,
    "encoder_layer_drop": 0.05,
}
BASE = {"extractor_mode": "group_norm", "extractor_conv_bias": False, "encoder_layer_norm_first": False}
LARGE = {"extractor_mode": "layer_norm", "extractor_conv_bias": True, "encoder_layer_norm_first": True}
TINY = {
    "WAV2VEC2_TINY": (BASE, False, None),
    "WAV2VEC2_ASR_TINY": (BASE, False, LABELS),
    "HUBERT_TINY": (LARGE, True, None),
    "HUBERT_ASR_TINY": (LARGE, True, LABELS),
}


def random_weights(settings: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Wide enough for the sound to reach the output, and norms that do something."""
    generator = torch.Generator().manual_seed(3)
    state = wav2vec2_model(**settings).state_dict()
    for name, tensor in state.items():
        noise = torch.randn(tensor.shape, generator=generator)
        if name.endswith("original0"):
            state[name] = 3 + noise
        elif tensor.ndim > 1:
            state[name] = noise * 2 / (tensor.numel() / tensor.shape[0]) ** 0.5
        else:
            state[name] = noise / 3 + name.endswith("weight")
    return state


def install(patch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Puts the bundles of `TINY` into torchaudio; returns the options of each fetch to come."""
    calls: list[dict[str, Any]] = []
    weights = {}
    for name, (shape, normalise, labels) in TINY.items():
        settings = {**SETTINGS, **shape, "aux_num_out": labels and 1 + len(labels)}
        # The fetched head has three rows of fairseq's own that torchaudio takes out.
        weights[name] = random_weights({**settings, "aux_num_out": labels and 4 + len(labels)})
        common = {"_path": name, "_params": settings, "_sample_rate": SAMPLE_RATE, "_normalize_waveform": normalise}
        kind = pipelines.Wav2Vec2ASRBundle if labels else pipelines.Wav2Vec2Bundle
        bundle = kind(**common, _model_type="Wav2Vec2", **({"_labels": labels} if labels else {}))
        patch.setattr(pipelines, name, bundle, raising=False)

    def fetch(url: str, **options: Any) -> dict[str, torch.Tensor]:
        calls.append(options)
        return dict(weights[url.rsplit("/", 1)[1]])

    patch.setattr(utils, "load_state_dict_from_url", fetch)
    return calls
