"""Models released as a single file at their own address, outside the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from huggingface_hub.errors import HfHubHTTPError

from core.errors import ModelError
from core.models.sources import hub
from core.models.sources.hub import Progress
from core.models.sources.origins import Release, deepspeech_path, refuse_without_reader
from core.storage.memory import refuse_what_does_not_fit

GONE = (404, 410)  # HTTP statuses of missing files


def fetch_release(id: str, release: Release, parameters: float, progress: Progress, should_stop: Callable[[], bool]) -> Path:
    """Downloads a release, continuing where an earlier call stopped, and converts it.

    Args:
        id: of the model.
        release: what to download.
        parameters: their number.
        progress: called with the bytes so far and the total bytes.
        should_stop: checked about once a megabyte; the downloaded part is kept.

    Returns:
        The folder to load it from.

    Raises:
        ModelError: the package that reads it is missing, it does not fit in memory, is no longer there, was damaged during
            the download, or `should_stop` returned True.
        OSError: the disk is full.
        Exception: the server cannot be reached or refuses, in its client's words.
    """
    refuse_without_reader(release.name)
    refuse_what_does_not_fit(id, parameters)

    def came(done: int) -> None:
        progress(done, release.bytes)
        if should_stop():
            raise hub.stopped(id)

    came(0)
    try:
        whole = hub.fetch_file(release.address, release.path, release.bytes, lambda path: _md5(path) == release.md5, came)
    except HfHubHTTPError as error:
        if error.response.status_code not in GONE:
            raise
        raise ModelError(
            "release_gone",
            f"{id} is no longer at {release.address}. Get the file {release.name} elsewhere and give its path instead.",
            id=id,
            address=release.address,
            name=release.name,
        ) from error
    if not whole:
        raise hub.damaged(id, release.name)
    came(release.bytes)
    return release_folder(id, release)


def release_folder(id: str, release: Release) -> Path:
    """Returns the Hugging Face folder of a fetched release, converting it on the first call.

    Raises:
        ModelError: its file is no longer the released one, or the package that reads it is missing.
    """
    if _md5(release.path) != release.md5:
        release.path.unlink()
        raise hub.damaged(id, release.name)
    folder = deepspeech_path(release.path)
    if (folder / "config.json").exists():
        return folder
    from core.models.sources.tflite import deepspeech_folder  # reads weights, for which it loads torch

    return deepspeech_folder(release.path)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
