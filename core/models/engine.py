"""The entry point to everything that imports torch and transformers: model classes and converters of other weight formats.

`core.models.loading` reaches them only through this module, so that two threads that need them at the same time wait for
each other's import. With several entry points, they might see partially imported modules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoConfig

from core.models import seq2seq
from core.models.base.pretrained import refuse_not_finite
from core.models.base.protocol import AsrModel
from core.models.classifier import ARCHITECTURES, Classifier
from core.models.ctc.model import Ctc
from core.models.deepspeech.model import DeepSpeech
from core.models.sources.bounds import bounded_building, check_folder
from core.models.sources.fairseq import fairseq_folder
from core.models.sources.incomplete import refuse_incomplete, refuse_pointers
from core.models.sources.packages import bundled_folder
from core.models.sources.peft_adapter import base_of, merge_adapter, no_base
from core.models.sources.releases import release_folder
from core.models.sources.tflite import deepspeech_folder
from core.models.sources.torchaudio_bundles import torchaudio_folder
from core.models.whisper.model import Whisper
from core.storage.files import read_json

# No code from a model is ever executed; pickled weights are read by torch's restricted unpickler.
OFFLINE = {"local_files_only": True, "trust_remote_code": False}

# By config.model_type; any other speech model is tried as CTC.
_FAMILIES: dict[str, Any] = {"whisper": Whisper, **dict.fromkeys(seq2seq.MODEL_TYPES, seq2seq.Seq2Seq)}


__all__ = [
    "adapter",
    "base_of",
    "bundled_folder",
    "deepspeech_folder",
    "fairseq_folder",
    "load",
    "no_base",
    "release_folder",
    "torchaudio_folder",
]


def adapter(id: str, folder: str) -> Any:
    """Returns the class that loads a model folder, according to its configuration.

    Raises:
        ModelError: the folder holds more than a model, or pointers in place of its files, or implausible numbers.
    """
    refuse_pointers(id, Path(folder))
    check_folder(id, Path(folder))
    if read_json(Path(folder) / "config.json").get("model_type") == DeepSpeech.family:
        return DeepSpeech  # the one family that transformers does not know
    config = AutoConfig.from_pretrained(folder, **OFFLINE)
    if any(name.endswith(ARCHITECTURES) for name in config.architectures or ()):
        return Classifier
    return _FAMILIES.get(config.model_type, Ctc)


def load(id: str, folder: str, language: str, device: str, precision: str, adapter_folder: str | None = None) -> AsrModel:
    """Loads the model in a folder; other arguments and errors are those of `core.models.loading.load_model`.

    Args:
        id: what the user calls it.
        folder: of the model, or of the base of an adapter.
        language: to transcribe in.
        device: to compute on.
        precision: to compute in.
        adapter_folder: of a PEFT adapter to merge into the model, or None.
    """
    family = adapter(id, folder)
    refuse_incomplete(id, Path(folder))
    with bounded_building(id, Path(folder)):
        model: AsrModel = family.load(id, folder, language=language, device=device, precision=precision, **OFFLINE)
    if adapter_folder is not None:
        merge_adapter(model, Path(adapter_folder))
    refuse_not_finite(id, model.network)
    return model
