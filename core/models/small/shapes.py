"""The sizes of the two small networks and the letters they write."""

from __future__ import annotations

from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz'"  # what both write, besides the space
SIZES = ("teaching", "toy")  # "toy" is for trying a corpus and a command out, and for tests

# The paper's front has seven convolutions of 512 channels; on a CPU it takes more time than all the layers above it
# (assets/docs/pretraining.md has the measurement), so this one has five narrower ones, of the same 320 samples a frame.
# Norms and biases are those of the paper's smaller model, but the layers normalise their input, as in its larger model,
# and so can be trained from random weights at higher learning rates.
WAV2VEC2: dict[str, dict[str, Any]] = {
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
DEEPSPEECH_WIDTH = {"teaching": 640, "toy": 64}
