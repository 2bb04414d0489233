"""Loads models by id, from this computer or by downloading them.

`core.models.engine` is imported only where it is needed: it loads torch and transformers, which takes seconds, and neither
a list of models nor a newly opened page needs them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from huggingface_hub import HfApi, try_to_load_from_cache
from huggingface_hub.errors import HFValidationError

from core.errors import AttuneError, ModelError
from core.models.base.protocol import AsrModel
from core.models.catalogue import Entry, listed
from core.models.sources import model_ids
from core.models.sources.hub import HUB_SECONDS, Announced, Progress, announced, fetch
from core.models.sources.incomplete import WEIGHTS, has_weights, is_adapter, refuse_pointer
from core.models.sources.origins import Bundle, is_converted, is_fetched, is_installed
from core.models.sources.releases import fetch_release, release_folder
from core.storage.files import assets_folder
from core.storage.full_disk import is_full

BUSY = (403, 429)  # HTTP statuses of an overloaded server; from 500 on, the server itself is at fault
MAX_CAUSE = 200  # characters of a library's sentence that are quoted


def ready_folder(entry: Entry) -> str | None:
    """Returns the folder of a model that is already here, building a bundled one; None if it must be downloaded."""
    if entry.bundle is not None:
        return str(_built(entry.bundle)) if is_installed(entry.bundle) else None
    if entry.release is not None:
        return str(release_folder(entry.id, entry.release)) if is_fetched(entry.release) else None
    return str(shipped_folder(entry)) if entry.shipped else _cached_folder(entry.id)


def shipped_folder(entry: Entry) -> Path:
    """Returns the folder of a model that comes with Attune."""
    return assets_folder("models") / entry.shipped


def is_here(id: str) -> bool:
    """Returns whether a model can be loaded without a network, as far as can be told without building or reading it."""
    entry = listed(id)
    if entry is not None and entry.bundle is not None:
        return is_installed(entry.bundle)
    if entry is not None and entry.release is not None:
        return is_fetched(entry.release)
    if entry is not None and entry.shipped:
        return True
    if model_ids.is_hub_id(id):
        return _cached_folder(id) is not None
    if model_ids.is_bundle_id(id):
        return is_converted(id)
    with suppress(AttuneError, OSError, RuntimeError):  # a path the system rejects; an unknown home folder
        model_ids.check_id(id)
        return bool(id.strip()) and Path(id).expanduser().is_dir()
    return False


def refuse_private(id: str) -> None:
    """Refuses a private or gated hub model, even if it is on this computer because its owner downloaded it.

    Raises:
        ModelError: the model is private or gated, or the hub cannot be reached.
    """
    with _explained(id):
        info = HfApi().model_info(id, timeout=HUB_SECONDS, token=False)
        if info.private or info.gated:
            raise _gated(id)


def announced_by_hub(id: str) -> Announced | None:
    """Asks the hub how large a model is; returns None if it is listed or already here, or its id is not a hub id.

    Raises:
        ModelError: as for `load_model`.
    """
    with _explained(id):
        return None if listed(id) or is_here(id) or not model_ids.is_hub_id(id) else announced(id)


def fetch_model(id: str, progress: Progress = lambda done, total: None, should_stop: Callable[[], bool] = lambda: False) -> str:
    """Makes sure that a model is here, downloading it if necessary, without loading it.

    Args:
        id: as for `load_model`.
        progress: called with the bytes downloaded and the total.
        should_stop: called about once per megabyte; True stops, keeping what has been downloaded.

    Returns:
        Its folder.

    Raises:
        ModelError: as for `load_model`, or `should_stop` returned True.
        OSError: the disk is full.
    """
    with _explained(id):
        return _here(id) or _fetched(id, progress, should_stop)


def is_fetchable(id: str) -> bool:
    """Returns whether an id names something downloadable: not a folder, and not part of a package or of Attune."""
    entry = listed(id)
    if entry is not None:
        return not (entry.bundle or entry.shipped)
    return model_ids.is_hub_id(id) or model_ids.is_bundle_id(id)


def _fetched(id: str, progress: Progress = lambda done, total: None, should_stop: Callable[[], bool] = lambda: False) -> str:
    entry = listed(id)
    if entry is not None and entry.release is not None:
        return str(fetch_release(id, entry.release, entry.parameters * 1e6, progress, should_stop))
    if not model_ids.is_hub_id(id):
        raise ModelError(
            "model_unknown",
            f"There is no model {id!r} on the Hugging Face hub, whose ids look like owner/name. A folder is named by a path "
            "that begins with / or ./",
            id=id,
        )
    HfApi().model_info(id, timeout=HUB_SECONDS)
    return str(fetch(id, progress, should_stop))


def _cached_folder(id: str) -> str | None:
    """Returns the folder of a model in the hub's cache, if its weights are there too."""
    try:
        config = try_to_load_from_cache(id, "config.json")
        weights = [try_to_load_from_cache(id, name) for name in WEIGHTS]
    except HFValidationError:
        return None
    return str(Path(config).parent) if isinstance(config, str) and any(isinstance(w, str) for w in weights) else None


def load_model(id: str, language: str = "", device: str = "auto", precision: str = "auto", thin: bool = True) -> AsrModel:
    """Loads a model, downloading it if it is not on this computer.

    Args:
        id: a catalogue id, a Hugging Face id, a folder of a model or of a PEFT adapter whose base is here, a fairseq
            checkpoint ending in .pt, a DeepSpeech model ending in .tflite, or "torchaudio:" and the name of one of its
            bundles. An id in the form of a Hugging Face id never means a folder; write a relative folder as "./folder".
        language: ISO 639-1 code to transcribe in, for multilingual models; "" detects it.
        device: "auto", "cpu", "cuda".
        precision: "auto", "float32" or "bfloat16".
        thin: whether to skip most padding frames, in a family that pads.

    Returns:
        The model, ready to transcribe.

    Raises:
        ModelError: the model does not exist, cannot be downloaded, does not fit in memory, is not a recogniser that Attune
            can adapt, does not support the language, or is damaged.
        OSError: the disk is full.
    """
    with _explained(id):
        folder = _here(id) or _fetched(id)
        from core.models import engine

        base = _base_folder(id, folder)
        model = engine.load(id, base or folder, language, device, precision, folder if base else None)
        model.thin = model.thin and thin
        return model


def model_family(id: str) -> str:
    """Returns a model's family, as in `AsrModel.family`, from its catalogue row, or otherwise from its configuration.

    Raises:
        ModelError: as for `load_model`.
    """
    entry = listed(id)
    if entry is not None:
        return entry.family
    with _explained(id):
        folder = _here(id) or _fetched(id)
        from core.models import engine

        return engine.adapter(id, _base_folder(id, folder) or folder).family


def _here(id: str) -> str | None:
    """Returns the folder of a model that is already here, converting other formats; None if it must be downloaded."""
    model_ids.check_id(id)
    entry = listed(id)
    if entry is not None and entry.bundle is not None:
        return str(_built(entry.bundle))
    if entry is not None and (entry.release is not None or entry.shipped):
        return ready_folder(entry)
    if id.startswith(model_ids.TORCHAUDIO):
        from core.models import engine

        return str(engine.torchaudio_folder(id))
    return _cached_folder(id) if model_ids.is_hub_id(id) else _local_folder(id)


def _built(bundle: Bundle) -> Path:
    if (bundle.path / "config.json").exists():
        return bundle.path
    from core.models import engine

    return engine.bundled_folder(bundle)


def _local_folder(id: str) -> str | None:
    """Returns the model folder for a path to a folder or file; None if the id is not a path."""
    path = Path(id).expanduser()
    if path.suffix in (".pt", ".tflite") and path.is_file():
        refuse_pointer(path.name, path)
    if path.suffix == ".pt" and path.is_file():
        from core.models import engine

        return str(engine.fairseq_folder(path))
    if id.strip() and path.is_dir():
        if not (path / "config.json").is_file() and not is_adapter(path):
            if has_weights(path):
                raise ModelError(
                    "model_no_config",
                    f"{path} has weights but no config.json, which describes their network. Copy it, and the files of the "
                    "processor and the tokenizer, from the folder of the model that this one was trained from.",
                    id=id,
                )
            raise ModelError(
                "model_not_a_folder", f"{path} holds no config.json, so it is not a Hugging Face model folder.", id=id
            )
        return str(path)
    if path.suffix == ".tflite" and path.is_file():
        from core.models import engine

        return str(engine.deepspeech_folder(path))
    if id.strip() and path.is_file():
        raise ModelError(
            "model_file", f"{id} is not a model file that Attune can read. Name its folder, or a .pt or .tflite file.", id=id
        )
    if _looks_like_path(id):
        raise ModelError("model_no_folder", f"There is no folder or file {id}.", id=id)
    return None


def _base_folder(id: str, folder: str) -> str | None:
    """Returns the folder of an adapter's base, which is not downloaded for it; None if the folder is a model's."""
    if not is_adapter(Path(folder)):
        return None
    from core.models import engine

    base = engine.base_of(id, Path(folder))
    found = _here(base) if is_here(base) else None
    if found is None or is_adapter(Path(found)):
        raise engine.no_base(id, base)
    return found


@contextmanager
def _explained(id: str) -> Iterator[None]:
    try:
        yield
    except AttuneError:
        raise
    except Exception as error:  # the libraries raise a dozen unrelated types
        if is_full(error):
            raise
        raise _explain(id, error) from error


def _gated(id: str) -> ModelError:
    return ModelError("model_gated", f"{id} requires its licence to be accepted on its page first.", id=id)


def _looks_like_path(id: str) -> bool:
    return id.startswith((".", "/", "~", "\\")) or id.count("/") > 1 or "\\" in id or not id.strip()


def _explain(id: str, error: Exception) -> ModelError:
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 10:
        chain.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    names = set(chain)
    if is_fetchable(id) and {"RepositoryNotFoundError", "HFValidationError"} & names:
        return ModelError("model_unknown", f"There is no model {id!r} on the Hugging Face hub, or it is private.", id=id)
    if {"GatedRepoError"} & names:
        return _gated(id)
    refused = getattr(getattr(error, "response", None), "status_code", 0)
    unreachable = {
        "ConnectError",
        "ConnectTimeout",
        "ReadError",
        "ReadTimeout",
        "RemoteProtocolError",
        "ConnectionError",
        "OfflineModeIsEnabled",
        "LocalEntryNotFoundError",
    }
    if is_fetchable(id) and (unreachable & names or refused in BUSY or refused >= 500):
        return ModelError(
            "model_unreachable",
            f"{id} is not on this computer and could not be fetched: the server it comes from did not answer. "
            "Check the network, or choose whisper-tiny.en, which needs none.",
            id=id,
        )
    if "UnpicklingError" in names:
        return ModelError("model_untrusted", f"{id} holds more than weights, and was not loaded.", id=id)
    return ModelError("model_not_usable", f"{id} could not be loaded as a speech recogniser: {_cause(error)}", id=id)


def _cause(error: Exception) -> str:
    """Returns a library's first sentence if it is short and whole; some say at length what to look up on the hub."""
    first = re.split(r"(?<=[.!?])\s", " ".join(str(error).split()))[0]
    if first and len(first) <= MAX_CAUSE and not first.endswith(":") and "huggingface.co" not in first:
        return first if first.endswith((".", "!", "?")) else f"{first}."
    return f"its files do not fit one another, or one of them is damaged ({type(error).__name__})."
