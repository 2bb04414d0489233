"""Limits on what a model's folder may ask for, checked before and while its network is built: a folder can claim any size.

A config.json of a hundred bytes can describe 10**9 layers, and one number in it can become a loop, a table or a matrix.
So numbers are checked against those of real speech models, and a network under construction against its weight files.
"""

from __future__ import annotations

import json
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as registration

from core.errors import ModelError
from core.storage import memory

MAX_SETTINGS_BYTES = 4_000_000  # of a file of settings; those of published models have some kB, the longest are lists of labels
MAX_VOCABULARY_BYTES = 100_000_000  # of any other .json, .txt or .model; tokenizer.json of a 250,000-token vocabulary has 17 MB
MAX_DEPTH = 20  # of settings within settings
MAX_NUMBER = 1 << 24
MAX_MODULES = 20_000  # in a network; Whisper large has 1,100, wav2vec 2.0 with 2 billion parameters 1,000
SPARE_PARAMETERS = 10_000_000  # in no file: a new output layer, computed positions

# The largest value of a setting by a part of its name; other names have MAX_NUMBER. Most settings become a loop or a
# dimension of a matrix before any module is registered that could be counted.
MOST = (
    (re.compile(r"layers|depth|blocks"), 200),
    (re.compile(r"num_labels"), 10_000),
    (re.compile(r"mel_|bins|feature_size|filters|per_channel"), 1_024),  # bands of a spectrum
    (re.compile(r"fft|window|hop"), 16_384),  # samples of one
    (re.compile(r"chunk_length"), 60),  # seconds that each clip is padded to
    (re.compile(r"position|context|max_length"), 262_144),
)
NEVER_NEGATIVE = re.compile(r"(^|_)(size|dim|layers|heads|bins|positions|channels|labels|depth|kernel|stride|groups)s?($|_)")

_SETTINGS = re.compile(
    r"(config|adapter_config|generation_config|preprocessor_config|processor_config|feature_extractor|attune|.*\.index)\.json"
)
_WEIGHTS = re.compile(r"(model|adapter_model|pytorch_model).*\.(safetensors|bin)")
_READ = re.compile(r".*\.(json|txt|model|safetensors|bin)")


def check_folder(id: str, folder: Path) -> None:
    """Refuses a model's folder whose settings ask for more than any speech model has, before they are used.

    Args:
        id: what the user calls it.
        folder: of a model, or of an adapter without one.

    Raises:
        ModelError: a settings file is too large, is not JSON, is nested too deeply, or has a number out of bounds; an index
            names weights outside the folder; the folder contains an adapter.
    """
    if (folder / "adapter_config.json").is_file() and (folder / "config.json").is_file():
        raise ModelError(
            "model_with_adapter",
            f"{id} contains an adapter as well as the model. Merge the two, or remove adapter_config.json from the folder.",
            id=id,
        )
    for path in sorted(folder.iterdir()):
        if not _READ.fullmatch(path.name):
            continue
        if not path.is_file():  # reading a pipe would block
            raise _unusable(id, f"{path.name} is no file")
        settings, size = _SETTINGS.fullmatch(path.name), path.stat().st_size
        if not _WEIGHTS.fullmatch(path.name) and size > (MAX_SETTINGS_BYTES if settings else MAX_VOCABULARY_BYTES):
            raise ModelError(
                "model_settings_large",
                f"{path.name} of {id} has {size / 1e6:.0f} MB, larger than any model's. It was not read.",
                id=id,
                name=path.name,
                megabytes=f"{size / 1e6:.0f}",
            )
        if settings:
            _check_settings(id, path)
        if path.suffix == ".bin" and _WEIGHTS.fullmatch(path.name) and is_packed(path):
            raise _unusable(id, f"{path.name} is compressed")


def is_packed(path: Path) -> bool:
    """Whether a torch file is compressed, which torch never does: unpacking could take any amount of memory."""
    try:
        with zipfile.ZipFile(path) as packed:
            return any(entry.compress_type != zipfile.ZIP_STORED for entry in packed.infolist())
    except (zipfile.BadZipFile, NotImplementedError, ValueError):  # not a torch file, which torch explains better
        return False


@contextmanager
def bounded_building(id: str, folder: Path | None = None, most: float | None = None) -> Iterator[None]:
    """Aborts building a network in this thread as soon as it is larger than its files allow.

    Networks are built without memory, on torch's meta device, before their weights are read, so their parameters can be
    counted as they are created, however many the settings describe.

    Args:
        id: what the user calls it.
        folder: of the model, whose weight files bound the parameters.
        most: the most parameters it may have, if known from elsewhere.

    Raises:
        ModelError: it has more parameters than its files hold or than fit in memory, or too many modules.
    """
    limit = most if most is not None else held(folder) if folder is not None else float("inf")
    free, thread = memory.available(), threading.get_ident()
    modules = parameters = 0

    def module_came(module: nn.Module, name: str, came: nn.Module | None) -> None:
        nonlocal modules
        if came is not None and threading.get_ident() == thread:
            modules += 1
            if modules > MAX_MODULES:
                raise ModelError("model_endless", f"The settings of {id} describe more layers than any model has.", id=id)

    def weights_came(module: nn.Module, name: str, came: torch.Tensor | None) -> None:
        nonlocal parameters
        if came is None or not came.is_meta or threading.get_ident() != thread:
            return
        parameters += came.numel()
        if parameters > limit:
            raise ModelError(
                "model_larger_than_files",
                f"The settings of {id} describe a larger network than its files hold weights for. Download or copy it again.",
                id=id,
            )
        if parameters > SPARE_PARAMETERS and memory.LOADING_BYTES * parameters > free:
            memory.refuse_what_does_not_fit(id, parameters)

    with ExitStack() as hooks:
        for register, hook in (
            (registration.register_module_module_registration_hook, module_came),
            (registration.register_module_parameter_registration_hook, weights_came),
            (registration.register_module_buffer_registration_hook, weights_came),
        ):
            hooks.callback(register(hook).remove)
        yield


def held(folder: Path) -> float:
    """Returns the most parameters that a folder's weight files can hold, plus some that need no file.

    Each takes at least two bytes; tied ones, such as Whisper's output layer, are counted twice during building.
    """
    files = [path for path in folder.iterdir() if _WEIGHTS.fullmatch(path.name) and path.is_file()]
    return sum(path.stat().st_size for path in files) + SPARE_PARAMETERS


def _check_settings(id: str, path: Path) -> None:
    try:
        settings = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # a number of 5000 digits is a ValueError, as is text that is not UTF-8
        raise _unusable(id, f"{path.name} is no JSON that can be read") from error
    if not isinstance(settings, dict):
        raise _unusable(id, f"{path.name} holds no settings")
    index = path.name.endswith(".index.json")
    waiting: list[tuple[str, Any, int]] = [("", settings, 0)]
    while waiting:
        name, value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise _unusable(id, f"{path.name} nests its settings too deep")
        if isinstance(value, dict):
            waiting += [(str(key), one, depth + 1) for key, one in value.items()]
        elif isinstance(value, list):
            waiting += [(name, one, depth + 1) for one in value]
        elif isinstance(value, int | float) and not isinstance(value, bool) and not index:
            _check_number(id, path.name, name, value)
        elif isinstance(value, str) and index and ("/" in value or "\\" in value):
            raise _unusable(id, f"{path.name} names weights outside of the folder")


def _check_number(id: str, file: str, name: str, value: float) -> None:
    most = min((bound for pattern, bound in MOST if pattern.search(name)), default=MAX_NUMBER)
    if abs(value) <= most and not (value < 0 and NEVER_NEGATIVE.search(name)):
        return
    shown = f"{value:.3g}" if isinstance(value, float) else str(value)[:20]
    raise ModelError(
        "model_number",
        f"{file} of {id} sets {name[:60]} to {shown}, which no speech model has. It was not loaded.",
        id=id,
        file=file,
        field=name[:60],
        value=shown,
    )


def _unusable(id: str, why: str) -> ModelError:
    return ModelError("model_not_usable", f"{id} could not be loaded as a speech recogniser: {why}.", id=id)
