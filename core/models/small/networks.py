"""The two networks that Attune trains from scratch: wav2vec 2.0 and DeepSpeech, small enough for two cores and an hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor

from core.models.deepspeech.model import DeepSpeechConfig
from core.models.small.shapes import DEEPSPEECH_WIDTH, LETTERS, WAV2VEC2


def wav2vec2_config(size: str) -> Wav2Vec2Config:
    """Returns the shape of a wav2vec 2.0 (Baevski et al. 2020, arXiv 2006.11477) of one of the `SIZES`: 50 frames a second."""
    return Wav2Vec2Config(
        **WAV2VEC2[size],
        do_stable_layer_norm=True,
        hidden_dropout=0.05,
        attention_dropout=0.0,  # anything above 0 makes torch compute attention on a CPU the slow way
        activation_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        layerdrop=0.0,
        mask_time_prob=0.1,  # during CTC training
        mask_time_length=10,
        mask_feature_prob=0.0,
        vocab_size=len(LETTERS) + 3,
        pad_token_id=0,
        ctc_zero_infinity=True,
    )


def wav2vec2_extractor() -> Wav2Vec2FeatureExtractor:
    """Returns an extractor that scales each clip to mean 0 and variance 1; a network with this front gets no attention mask."""
    return Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=False)


def deepspeech_config(size: str) -> DeepSpeechConfig:
    """Returns the shape of a DeepSpeech of one of the `SIZES`, with the released models' cell, features and alphabet."""
    return DeepSpeechConfig(hidden=DEEPSPEECH_WIDTH[size])


@torch.no_grad()
def redraw(network: Any) -> None:
    """Draws a new DeepSpeech's weights so that signals keep their scale through the network.

    He et al. 2015 (arXiv 1502.01852) before rectifiers, Glorot & Bengio 2010 and orthogonal matrices in the recurrent layer,
    biases 0. With torch's own smaller weights, little of the signal reaches the output: eight clips were not memorised
    in 125 steps; with these they were in 50.
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
    """Sets a new DeepSpeech's first layer so that its features act as if they had mean 0 and variance 1.

    The scales of cepstra differ by up to 40 times, and a network of random weights would use little but the largest.

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
