"""The table of models, and loading one by its id."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from transformers import AutoConfig

from core.errors import AttuneError, ModelError
from core.files import read_json
from core.models import seq2seq
from core.models.base import AsrModel
from core.models.bundled import TINY_EN, Bundle, bundled_folder, is_installed
from core.models.classifier import ARCHITECTURES, Classifier
from core.models.ctc import Ctc
from core.models.deepspeech import DeepSpeech
from core.models.deepspeech_tflite import deepspeech_folder
from core.models.fairseq import fairseq_folder
from core.models.torchaudio_bundles import TORCHAUDIO, torchaudio_folder
from core.models.whisper import Whisper


@dataclass(frozen=True)
class Entry:
    """One row of the catalogue.

    Attributes:
        id: what `load_model` takes; a hub id where nothing is bundled.
        family: "whisper", "ctc" or "deepspeech".
        languages: what it writes, as ISO 639-1 codes or "many".
        parameters: in millions.
        licence: of the weights.
        bundle: the installed package that carries the weights, or None.
    """

    id: str
    family: str
    languages: str
    parameters: float
    licence: str
    bundle: Bundle | None = None


CATALOGUE = (
    Entry("whisper-tiny.en", "whisper", "en", 37.8, "MIT", TINY_EN),
    Entry("openai/whisper-base", "whisper", "many", 72.6, "Apache-2.0"),
    Entry("openai/whisper-small", "whisper", "many", 241.7, "Apache-2.0"),
    Entry("facebook/wav2vec2-base-960h", "ctc", "en", 94.4, "Apache-2.0"),
    Entry("facebook/hubert-large-ls960-ft", "ctc", "en", 316.6, "Apache-2.0"),
    Entry("facebook/wav2vec2-large-xlsr-53-spanish", "ctc", "es", 315.5, "Apache-2.0"),
    Entry("jonatasgrosman/wav2vec2-large-xlsr-53-chinese-zh-cn", "ctc", "zh", 318.7, "Apache-2.0"),
)

WEIGHT_FILES = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
HUB_SECONDS = 8.0  # to wait for the hub's first answer; its own client would retry for half a minute

# By config.model_type; every other speech model is tried as CTC.
_FAMILIES: dict[str, Any] = {"whisper": Whisper, **dict.fromkeys(seq2seq.MODEL_TYPES, seq2seq.Seq2Seq)}


def ready_folder(entry: Entry) -> str | None:
    """Returns the folder of a model that needs no network, building a bundled one; None if it must be fetched."""
    if entry.bundle is not None:
        return str(bundled_folder(entry.bundle)) if is_installed(entry.bundle) else None
    return _cached_folder(entry.id)


def _cached_folder(id: str) -> str | None:
    """Returns where the hub's cache holds a model, if it holds its weights too."""
    try:
        config = try_to_load_from_cache(id, "config.json")
        weights = [try_to_load_from_cache(id, name) for name in WEIGHT_FILES]
    except HFValidationError:
        return None
    return str(Path(config).parent) if isinstance(config, str) and any(isinstance(w, str) for w in weights) else None


def load_model(id: str, language: str = "", device: str = "auto", precision: str = "auto") -> AsrModel:
    """Loads a model, fetching it from the Hugging Face hub if it is not here.

    Args:
        id: an id of the catalogue, a Hugging Face id, a local model folder, a fairseq checkpoint ending in .pt, a
            DeepSpeech model ending in .tflite, or "torchaudio:" and the name of one of its bundles.
        language: ISO 639-1 code to write, for multilingual models; "" detects it.
        device: "auto", "cpu", "cuda".
        precision: "auto", "float32" or "bfloat16".

    Returns:
        The model, ready to transcribe.

    Raises:
        ModelError: there is no such model, it cannot be fetched, it is not a recogniser this can adapt, or it is damaged.
    """
    with _explained(id):
        source, fetch = _find(id)
        adapter = _adapter(source, fetch)
        return adapter.load(id, source, language=language, device=device, precision=precision, **fetch)


def model_family(id: str) -> str:
    """Returns a model's family, as `AsrModel.family` names it, from its configuration alone.

    Raises:
        ModelError: as `load_model`.
    """
    with _explained(id):
        source, fetch = _find(id)
        return _adapter(source, fetch).family


def _adapter(source: str, fetch: dict[str, bool]) -> Any:
    try:
        own = read_json(Path(source) / "config.json").get("model_type")
    except (OSError, ValueError, AttributeError):
        own = None  # on the hub, or damaged: transformers says which
    if own == DeepSpeech.family:  # the one family that transformers does not know
        return DeepSpeech
    config = AutoConfig.from_pretrained(source, **fetch)
    if any(name.endswith(ARCHITECTURES) for name in config.architectures or ()):
        return Classifier
    return _FAMILIES.get(config.model_type, Ctc)


def _find(id: str) -> tuple[str, dict[str, bool]]:
    """Returns where a model is to be read from, and the arguments with which transformers may do so."""
    entry = next((row for row in CATALOGUE if row.id == id), None)
    folder = Path(id).expanduser()
    local = True
    if entry is not None and entry.bundle is not None:
        source = str(bundled_folder(entry.bundle))
    elif id.startswith(TORCHAUDIO):
        source = str(torchaudio_folder(id))
    elif folder.suffix == ".pt" and folder.is_file():
        source = str(fairseq_folder(folder))
    elif id.strip() and folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelError("model_not_a_folder", f"{folder} holds no config.json: it is no Hugging Face model folder.", id=id)
        source = str(folder)
    elif folder.suffix == ".tflite" and folder.is_file():
        source = str(deepspeech_folder(folder))
    elif _looks_like_path(id):
        raise ModelError("model_no_folder", f"There is no folder {id}.", id=id)
    else:
        source, local = id, _cached_folder(id) is not None
        if not local:
            HfApi().model_info(id, timeout=HUB_SECONDS)
    os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"  # else loading a .bin asks the hub to convert it, in a thread
    # Nothing a model brings is executed, whatever it says; weights in pickles are read by torch's restricted reader.
    return source, {"local_files_only": local, "trust_remote_code": False}


@contextmanager
def _explained(id: str) -> Iterator[None]:
    try:
        yield
    except AttuneError:
        raise
    except Exception as error:  # the libraries below raise a dozen unrelated types
        raise _explain(id, error) from error


def _looks_like_path(id: str) -> bool:
    return id.startswith((".", "/", "~", "\\")) or id.count("/") > 1 or "\\" in id or not id.strip()


def _explain(id: str, error: Exception) -> ModelError:
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 10:
        chain.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    names = set(chain)
    if {"RepositoryNotFoundError", "HFValidationError"} & names:
        return ModelError("model_unknown", f"There is no model {id!r} on the Hugging Face hub, or it is private.", id=id)
    if {"GatedRepoError"} & names:
        return ModelError("model_gated", f"{id} asks for its licence to be accepted on its page first.", id=id)
    unreachable = {
        "ConnectError",
        "ConnectTimeout",
        "ReadTimeout",
        "ConnectionError",
        "OfflineModeIsEnabled",
        "LocalEntryNotFoundError",
    }
    if not Path(id).is_dir() and unreachable & names:
        return ModelError(
            "model_unreachable",
            f"{id} is not on this computer and could not be fetched: the Hugging Face hub did not answer. "
            "Check the network, or choose whisper-tiny.en, which needs none.",
            id=id,
        )
    if "UnpicklingError" in names:
        return ModelError("model_untrusted", f"{id} holds more than weights, and was not loaded.", id=id)
    first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
    return ModelError("model_not_usable", f"{id} could not be loaded as a CTC model or Whisper: {first}", id=id)
