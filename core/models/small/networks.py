"""The two networks that Attune trains from nothing: wav2vec 2.0 and DeepSpeech, small enough for two cores and an hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor

from core.models.deepspeech.model import DeepSpeechConfig

LETTERS = "abcdefghijklmnopqrstuvwxyz'"  # what both write, beside the space
SIZES = ("teaching", "toy")  # "toy" is for trying a corpus and a command out, and for tests

# The paper's front has seven convolutions of 512 channels; on a CPU it takes more time than all of the layers above it
# (assets/docs/pretraining.md has the measurement), so this one has five narrower ones, of the same 320 samples a frame.
# Norms and biases are as the paper's smaller model has them, but the layers normalise what they read, as its larger
# model's do, and so learn from random weights at higher rates.
_WAV2VEC2: dict[str, dict[str, Any]] = {
    "teaching": {
        "hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 1024,
        "conv_dim": (64, 128, 256, 256, 256), "conv_kernel": (10, 8, 4, 4, 4), "conv_stride": (5, 4, 4, 2, 2),
        "num_conv_pos_embeddings": 64, "num_conv_pos_embedding_groups": 16,
        "num_codevectors_per_group": 32, "codevector_dim": 256, "proj_codevector_dim": 256,
    },
    "toy": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "conv_dim": (32,) * 7, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2,
        "num_codevectors_per_group": 16, "codevector_dim": 32, "proj_codevector_dim": 32,
    },
}  # fmt: skip
_DEEPSPEECH_WIDTH = {"teaching": 640, "toy": 64}


def wav2vec2_config(size: str) -> Wav2Vec2Config:
    """Returns the shape of a wav2vec 2.0 (Baevski et al. 2020, arXiv 2006.11477) of one of `SIZES`: 50 frames a second."""
    return Wav2Vec2Config(
        **_WAV2VEC2[size],
        do_stable_layer_norm=True,
        hidden_dropout=0.05,
        attention_dropout=0.0,  # any makes torch compute attention on a CPU the slow way
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        mask_time_prob=0.1,  # while it learns to write
        mask_time_length=10,
        mask_feature_prob=0.0,
        vocab_size=len(LETTERS) + 3,
        pad_token_id=0,
        ctc_zero_infinity=True,
    )


def wav2vec2_extractor() -> Wav2Vec2FeatureExtractor:
    """Returns what brings each clip to mean 0 and variance 1; a network with this front is given no attention mask."""
    return Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False)


def deepspeech_config(size: str) -> DeepSpeechConfig:
    """Returns the shape of a DeepSpeech of one of `SIZES`, with the released models' cell, features and alphabet."""
    return DeepSpeechConfig(hidden=_DEEPSPEECH_WIDTH[size])


@torch.no_grad()
def redraw(network: Any) -> None:
    """Draws a new DeepSpeech's weights so that signals keep their size on their way through it.

    He et al. 2015 (arXiv 1502.01852) before rectifiers, Glorot & Bengio 2010 and orthogonal matrices in the recurrent layer,
    biases 0. With torch's own smaller weights little of the sound arrives at the letters: eight clips were not learnt by
    heart in 125 steps, with these they were in 50.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear" if name == "out" else "relu")
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RNNBase):
            for key, weights in module.named_parameters():
                if key.startswith("weight_ih"):
                    nn.init.xavier_uniform_(weights)
                elif key.startswith("weight_hh"):
                    for square in weights.split(module.hidden_size):
                        nn.init.orthogonal_(square)
                else:
                    nn.init.zeros_(weights)


@torch.no_grad()
def standardise(network: Any, config: DeepSpeechConfig, features: Sequence[torch.Tensor]) -> None:
    """Lets a new DeepSpeech start as if its features had mean 0 and variance 1, by its first layer's weights alone.

    Cepstra come at scales up to 40 times apart, and a network of random weights would hear little but the loudest.

    Args:
        network: of random weights; changed in place.
        config: its shape.
        features: MFCC float32 [frames, features] of some clips.
    """
    frames = torch.cat(list(features))
    mean, spread = (values.repeat(2 * config.context + 1) for values in (frames.mean(0), frames.std(0).clamp(min=1e-3)))
    first = getattr(network.fc1, "fc", network.fc1)  # torchaudio wraps it
    first.weight /= spread
    first.bias -= first.weight @ mean
