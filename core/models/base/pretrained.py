"""The parts of a pretrained model: network, feature extractor, tokeniser; each is checked to be whole and to fit the others.

transformers replaces missing weights by random ones and a missing tokeniser by an empty one. Such a model would transcribe
nonsense or nothing, and its fine-tune would measure nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoFeatureExtractor, AutoTokenizer

from core.errors import ModelError
from core.text.scoring import clean

SENTENCE = "the quick brown fox jumps over the lazy dog"  # what a tokeniser of any script must encode and decode

_EXTRACTORS = ("preprocessor_config.json", "processor_config.json")
# The first replaces masked frames in training, and many published checkpoints lack it; the others are computed or counted.
_NEEDLESS = r"(.*\.)?(masked_spec_embed|inv_freq|num_batches_tracked)"


def load_network(id: str, kind: Any, folder: str, new: str = "", **options: Any) -> Any:
    """Loads a network and refuses to fill in weights that its files lack.

    Args:
        id: what the user calls it.
        kind: a class with `from_pretrained`.
        folder: of the model.
        new: a pattern of the weights that may be new, such as those of a head.
        **options: for `from_pretrained`.

    Raises:
        ModelError: weights are missing, or of other sizes than config.json describes.
    """
    may_lack = re.compile(rf"{_NEEDLESS}|{new}" if new else _NEEDLESS)
    network, report = kind.from_pretrained(folder, output_loading_info=True, ignore_mismatched_sizes=True, **options)
    missing = [name for name in report["missing_keys"] if not may_lack.fullmatch(name)]
    refuse_unfit(id, missing, [name for name, *_ in report["mismatched_keys"] if not may_lack.fullmatch(name)])
    return network


def refuse_unfit(id: str, missing: Collection[str], other: Collection[str]) -> None:
    """Refuses weights that are not those of the network that config.json describes.

    Args:
        id: what the user calls the model.
        missing: names of weights that its files lack.
        other: names of weights that have another size, or no place in the network.

    Raises:
        ModelError: there are any.
    """
    if missing:
        raise ModelError(
            "model_weights_missing",
            f"The files of {id} lack {len(missing)} of the weights that its config.json describes, such as {min(missing)}. "
            "Use the config.json and the weights of one model, both unchanged.",
            id=id,
            count=len(missing),
            name=min(missing),
        )
    if other:
        raise ModelError(
            "model_weights_unfit",
            f"The weights of {id} do not fit its config.json: {min(other)} has another size or place. "
            "Use the config.json and the weights of one model, both unchanged.",
            id=id,
            name=min(other),
        )


def refuse_not_finite(model: str, network: nn.Module) -> None:
    """Refuses weights that are no numbers. A sum says so in one pass over the memory; only a suspect is looked at closely.

    Args:
        model: what the user calls it.
        network: on any device.

    Raises:
        ModelError: some are NaN or infinite.
    """
    named = network.state_dict(keep_vars=True)
    once = {id(weights): name for name, weights in reversed(named.items())}  # tied ones, such as an output layer, are one
    with torch.no_grad():
        for name in once.values():
            weights = named[name]
            if weights.is_floating_point() and not weights.sum().isfinite() and not weights.isfinite().all():
                raise ModelError(
                    "model_not_finite",
                    f"The weights of {model} are not all numbers: {name} contains NaN or infinity, as after a training that "
                    "diverged. Use an earlier checkpoint, or download the model again.",
                    id=model,
                    name=name,
                )


def load_extractor(id: str, folder: str, kind: Any = AutoFeatureExtractor, **options: Any) -> Any:
    """Loads a feature extractor.

    Raises:
        ModelError: its settings are missing.
    """
    if not any((Path(folder) / name).is_file() for name in _EXTRACTORS):
        raise ModelError(
            "model_no_extractor",
            f"{id} has no preprocessor_config.json, which says how the network takes sound. Copy it, and the tokenizer's "
            "files if they are missing too, from the folder of the model that this one was trained from.",
            id=id,
        )
    return kind.from_pretrained(folder, **options)


def refuse_other_features(id: str, given: int, taken: int) -> None:
    """Refuses a feature extractor that gives a network other features than it takes.

    Args:
        id: what the user calls the model.
        given: bands of the extractor's spectrum.
        taken: bands that the network takes.

    Raises:
        ModelError: the two differ.
    """
    if given != taken:
        raise ModelError(
            "model_extractor_unfit",
            f"The preprocessor_config.json of {id} gives spectra of {given} bands, and its network takes {taken}. Copy the "
            "file from the folder of the model that this one was trained from.",
            id=id,
            given=given,
            taken=taken,
        )


def load_tokenizer(id: str, folder: str, kind: Any = AutoTokenizer, **options: Any) -> Any:
    """Loads the tokeniser of a network that writes tokens.

    Raises:
        ModelError: it is missing, or cannot be read.
    """
    try:
        tokenizer = kind.from_pretrained(folder, **options)
    except Exception as error:  # each tokeniser has its own
        raise _no_tokenizer(id) from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):  # transformers' own, without any file
        raise _no_tokenizer(id)
    return tokenizer


def refuse_mute(id: str, tokenizer: Any, outputs: int, text: str = SENTENCE) -> None:
    """Refuses a tokeniser that cannot write a text with a network's outputs.

    Args:
        id: what the user calls the model.
        tokenizer: with `__call__` and `decode`.
        outputs: how many tokens the network chooses from.
        text: in the tokeniser's characters, no two equal ones side by side.

    Raises:
        ModelError: the text changes as it is encoded and decoded, or takes tokens that the network lacks.
    """
    tokens = tokenizer(text, add_special_tokens=False).input_ids
    written = tokenizer.decode(tokens, skip_special_tokens=True)
    if _letters(written) != _letters(text) or max(tokens, default=outputs) >= outputs:
        raise unfit_tokenizer(id)


def refuse_labels_beyond(id: str, labels: Iterable[int], outputs: int) -> None:
    """Refuses a vocabulary with labels that a network has no output for.

    Raises:
        ModelError: there is such a label, or none at all.
    """
    known = set(labels)
    if not known or min(known) < 0 or max(known) >= outputs:
        raise unfit_tokenizer(id)


def unfit_tokenizer(id: str) -> ModelError:
    """The error of a tokeniser, or vocabulary, that is not the network's."""
    return ModelError(
        "model_tokenizer_unfit",
        f"The tokenizer or vocabulary of {id} is not the one its network was trained with. Copy these files from the folder "
        "of the model that this one was trained from.",
        id=id,
    )


def _letters(text: str) -> str:
    return clean(text).casefold().replace(" ", "")


def _no_tokenizer(id: str) -> ModelError:
    return ModelError(
        "model_no_tokenizer",
        f"{id} has no tokenizer that can be read, so it could not write. Copy tokenizer.json (or vocab.json and merges.txt) "
        "and tokenizer_config.json from the folder of the model that this one was trained from.",
        id=id,
    )
