"""Converts wav2vec 2.0 and HuBERT weights from other tools into Hugging Face folders."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    HubertConfig,
    HubertForCTC,
    HubertModel,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2Model,
)

from core.audio.sound_files import SAMPLE_RATE
from core.models.base.vocabulary import BLANK
from core.models.base.vocabulary import SPACE as DELIMITER
from core.storage.files import write_json
from core.storage.temporary import temporary_folder

HEAD = "lm_head."
NORMS = ("group", "layer")  # one norm after the first convolution (base), or one after each (large)

_SPECIAL = {"bos": "<s>", "eos": "</s>", "unk": "<unk>"}
_HOLES = {"{n}": r"(?P<n>\d+)", "{p}": "(?P<p>weight|bias)", "{rest}": ".+"}
_NETWORKS: dict[tuple[str, bool], Any] = {
    ("wav2vec2", False): Wav2Vec2Model,
    ("wav2vec2", True): Wav2Vec2ForCTC,
    ("hubert", False): HubertModel,
    ("hubert", True): HubertForCTC,
}


def built_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Returns `folder`, which `build` fills on the first call; a crash while building leaves no incomplete folder.

    Args:
        folder: the Hugging Face folder to make; it is complete once it has config.json.
        build: writes everything into the empty folder it is given.
    """
    if (folder / "config.json").exists():
        return folder
    with temporary_folder(folder.parent, folder.name) as building:
        build(building)
        try:
            building.replace(folder)
        except OSError:
            if not (folder / "config.json").exists():  # otherwise another process was faster: its folder is just as good
                raise
    return folder


def renamed(
    state: Mapping[str, torch.Tensor], names: Iterable[tuple[str, str]], dropped: Iterable[str] = ()
) -> dict[str, torch.Tensor]:
    """Renames tensors by a table and converts them to float32.

    Args:
        state: tensors by their old names.
        names: pairs of patterns, old and new; {n} stands for a number, {p} for "weight" or "bias".
        dropped: patterns of tensors to leave out; {rest} stands for anything.

    Returns:
        The tensors by their new names.

    Raises:
        ValueError: a name is in neither table, or two names become the same.
    """
    rows = [(_pattern(old), new) for old, new in names]
    left_out = [_pattern(old) for old in dropped]
    result: dict[str, torch.Tensor] = {}
    for old, tensor in state.items():
        if any(pattern.fullmatch(old) for pattern in left_out):
            continue
        matches = ((pattern.fullmatch(old), new) for pattern, new in rows)
        found = next((new.format(**match.groupdict()) for match, new in matches if match), None)
        if found is None:
            raise ValueError(f"its weights {old!r} have no place in the network")
        if found in result:
            raise ValueError(f"two of its weights claim the place {found!r}")
        result[found] = tensor.float()
    return result


def write_folder(
    folder: Path,
    config: Wav2Vec2Config | HubertConfig,
    state: Mapping[str, torch.Tensor],
    normalise: bool,
    labels: Sequence[str] | None = None,
) -> None:
    """Writes a Hugging Face folder.

    Args:
        folder: an empty folder.
        config: of the network; the vocabulary's settings are filled in here.
        state: float32 tensors by the names of the bare network; the head's are "lm_head.weight" and "lm_head.bias".
        normalise: whether each clip is scaled to mean 0 and variance 1 first.
        labels: the character of each output of the CTC head, the blank first, as `BLANK`; None for a network that was only
            pretrained.

    Raises:
        ValueError: the weights do not match the network that `config` describes, or there is no label between words.
    """
    if labels is not None:
        if DELIMITER not in labels:
            raise ValueError(f"its vocabulary has no {DELIMITER!r} to write between words")
        config.vocab_size = len(labels)
        config.pad_token_id = 0
        config.bos_token_id = _index(labels, "<s>")
        config.eos_token_id = _index(labels, "</s>")
        config.ctc_loss_reduction = "mean"
    with torch.device("meta"):  # shapes without memory: a hostile config costs nothing
        network = _NETWORKS[config.model_type, labels is not None](config)
    prefix = "" if labels is None else f"{network.base_model_prefix}."
    placed = {name if name.startswith(HEAD) else prefix + name: tensor for name, tensor in state.items()}
    _check_places(placed, {name: tensor.shape for name, tensor in network.state_dict().items()})
    network.load_state_dict(placed, strict=True, assign=True)
    network.save_pretrained(folder)
    Wav2Vec2FeatureExtractor(
        sampling_rate=SAMPLE_RATE,
        do_normalize=normalise,
        return_attention_mask=config.feat_extract_norm == "layer",  # a group norm includes the padding whatever the mask says
    ).save_pretrained(folder)
    if labels is not None:
        _write_vocabulary(folder, labels)


def _pattern(name: str) -> re.Pattern[str]:
    escaped = re.escape(name)
    for hole, expression in _HOLES.items():
        escaped = escaped.replace(re.escape(hole), expression)
    return re.compile(escaped)


def _index(labels: Sequence[str], label: str) -> int | None:
    return labels.index(label) if label in labels else None


def _check_places(placed: Mapping[str, torch.Tensor], places: Mapping[str, torch.Size]) -> None:
    for name, shape in places.items():
        if name not in placed:
            raise ValueError(f"it lacks the weights {name!r}")
        if placed[name].shape != shape:
            raise ValueError(f"its weights {name!r} are {list(placed[name].shape)} where its settings say {list(shape)}")
    extra = next((name for name in placed if name not in places), None)
    if extra is not None:
        raise ValueError(f"its settings leave no room for the weights {extra!r}")


def _write_vocabulary(folder: Path, labels: Sequence[str]) -> None:
    write_json(folder / "vocab.json", {label: i for i, label in enumerate(labels)})
    Wav2Vec2CTCTokenizer(
        str(folder / "vocab.json"),
        pad_token=BLANK,
        word_delimiter_token=DELIMITER,
        **{f"{role}_token": token if token in labels else None for role, token in _SPECIAL.items()},
    ).save_pretrained(folder)
