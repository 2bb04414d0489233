"""Refuses model folders whose weights are missing, cut short, or pointers of Git LFS, before anything is loaded from them."""

from __future__ import annotations

import zipfile
from pathlib import Path

from safetensors import SafetensorError, safe_open

from core.errors import ModelError
from core.storage.files import read_json

# In the order in which transformers prefers them.
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")

ADAPTER_FILE = "adapter_config.json"  # of a PEFT adapter

_POINTER = b"version https://git-lfs"  # github.com/git-lfs/git-lfs/blob/main/docs/spec.md
_ZIP = b"PK"  # how a torch file begins since torch 1.6


def refuse_pointer(id: str, path: Path) -> None:
    """Refuses a file that Git LFS left a pointer for.

    Raises:
        ModelError: the file is such a pointer.
    """
    if _begins_with(path, _POINTER):
        raise ModelError(
            "model_lfs",
            f"{path.name} of {id} is not the file itself but a Git LFS pointer. Run git lfs pull in its folder, or download "
            "the file again.",
            id=id,
            name=path.name,
        )


def refuse_pointers(id: str, folder: Path) -> None:
    """Refuses a folder cloned without Git LFS, which has pointers in place of its large files.

    Raises:
        ModelError: a file is such a pointer.
    """
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in (".bin", ".json", ".model", ".safetensors", ".txt"):
            refuse_pointer(id, path)


def refuse_incomplete(id: str, folder: Path) -> None:
    """Refuses a folder whose weight files are not all there or not whole. Only their headers are read.

    Args:
        id: what the user calls it.
        folder: of the model; its settings have been checked.

    Raises:
        ModelError: there are no weights, some of them are missing, or a file of them is damaged.
    """
    first = next((name for name in WEIGHTS if (folder / name).is_file()), None)
    if first is None:
        raise ModelError(
            "model_no_weights",
            f"{id} has no weights. Copy its model.safetensors or pytorch_model.bin into the folder, or download it again.",
            id=id,
        )
    names = [first]
    if first.endswith(".index.json"):
        named = read_json(folder / first).get("weight_map")
        names = sorted({str(name) for name in named.values()}) if isinstance(named, dict) else []
        lacking = [name for name in names if not (folder / name).is_file()]
        if lacking or not names:
            listed = ", ".join(name[:60] for name in lacking[:3]) or "weights"
            raise ModelError(
                "model_weights_part",
                f"{id} is incomplete: {first} names {listed}, and the folder lacks {'them' if len(lacking) > 1 else 'it'}. "
                "Copy or download what is missing.",
                id=id,
                name=listed,
            )
    for name in names:
        refuse_damaged(id, folder / name)


def refuse_damaged(id: str, path: Path) -> None:
    """Refuses a file of weights that is not whole.

    Raises:
        ModelError: its header does not match its length.
    """
    if _is_damaged(path):
        raise ModelError(
            "model_weights_damaged",
            f"{path.name} of {id} is cut short or damaged. Copy or download it again.",
            id=id,
            name=path.name,
        )


def is_adapter(folder: Path) -> bool:
    """Returns whether a folder holds a PEFT adapter without its base."""
    return (folder / ADAPTER_FILE).is_file() and not (folder / "config.json").is_file()


def has_weights(folder: Path) -> bool:
    """Returns whether a folder has weights of a model."""
    return any((folder / name).is_file() for name in WEIGHTS)


def _begins_with(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start


def _is_damaged(path: Path) -> bool:
    if path.suffix != ".safetensors":
        return path.stat().st_size == 0 or (_begins_with(path, _ZIP) and not zipfile.is_zipfile(path))
    try:
        with safe_open(path, framework="np"):  # compares the header with the length of the file
            return False
    except SafetensorError:
        return True
