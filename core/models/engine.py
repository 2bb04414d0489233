"""The entry point to everything that imports torch and transformers: model classes and converters of other weight formats.

`core.models.loading` reaches them only through this module, so that two threads that need them at the same time wait for
each other's import. With several entry points, they might see partially imported modules.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import AutoConfig

from core.models import seq2seq
from core.models.base.protocol import AsrModel
from core.models.classifier import ARCHITECTURES, Classifier
from core.models.ctc.model import Ctc
from core.models.deepspeech.model import DeepSpeech
from core.models.sources.bounds import bounded_building, check_folder
from core.models.sources.fairseq import fairseq_folder
from core.models.sources.packages import bundled_folder
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
    "bundled_folder",
    "deepspeech_folder",
    "fairseq_folder",
    "load",
    "release_folder",
    "torchaudio_folder",
]


def adapter(id: str, folder: str) -> Any:
    """Returns the class that loads a model folder, according to its configuration.

    Raises:
        ModelError: the folder holds more than a model, or its configuration has implausible numbers.
    """
    check_folder(id, Path(folder))
    if read_json(Path(folder) / "config.json").get("model_type") == DeepSpeech.family:
        return DeepSpeech  # the one family that transformers does not know
    config = AutoConfig.from_pretrained(folder, **OFFLINE)
    if any(name.endswith(ARCHITECTURES) for name in config.architectures or ()):
        return Classifier
    return _FAMILIES.get(config.model_type, Ctc)


def load(id: str, folder: str, language: str, device: str, precision: str) -> AsrModel:
    """Loads the model in a folder; arguments and errors are those of `core.models.loading.load_model`."""
    family = adapter(id, folder)
    with bounded_building(id, Path(folder)):
        return family.load(id, folder, language=language, device=device, precision=precision, **OFFLINE)
