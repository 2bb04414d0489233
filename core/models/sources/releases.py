"""Models that were released as one file at an address of their own, outside the hub."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from huggingface_hub.errors import HfHubHTTPError

from core.errors import ModelError
from core.models.sources import hub
from core.models.sources.hub import Progress
from core.models.sources.tflite import deepspeech_folder, has_reader, refuse_without_reader
from core.storage.files import home
from core.storage.memory import refuse_what_does_not_fit

GONE = (404, 410)  # HTTP statuses of what is not there, or not any more


@dataclass(frozen=True)
class Release:
    """A .tflite acoustic model at an address.

    Attributes:
        address: of the file.
        bytes: its size.
        md5: its checksum; anything else is refused.
    """

    address: str
    bytes: int
    md5: str

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.address.rsplit("/", 1)[-1]

    @property
    def server(self) -> str:
        """Where it comes from, for people."""
        return urlsplit(self.address).hostname or ""

    @property
    def path(self) -> Path:
        """Where it lies once it has been fetched."""
        return home() / "models" / self.name


# https://github.com/mozilla/DeepSpeech/releases/tag/v0.9.3 names no checksum. Size and MD5 are those by which Speech Note
# (github.com/mkiol/dsnote, src/models_manager.cpp of 2021) accepts its download of the same address; the size is also
# what others saw who copied the file to a phone. An MD5 shows damage, and no file is known to have been made to match
# one that was given; the reader takes the file for hostile all the same.
# Coqui STT 0.9.3 is the same file under another name (zenodo.org/records/4605880), so that it has no row of its own.
DEEPSPEECH = Release(
    address="https://github.com/mozilla/DeepSpeech/releases/download/v0.9.3/deepspeech-0.9.3-models.tflite",
    bytes=47_331_784,
    md5="afcc08e56f024655c30187a41c4e8c9c",
)


def is_fetched(release: Release) -> bool:
    """Whether its file is on this computer, and the package that reads it too."""
    return has_reader() and release.path.is_file()


def fetch_release(id: str, release: Release, parameters: float, progress: Progress, should_stop: Callable[[], bool]) -> Path:
    """Fetches a release, going on where an earlier call stopped, and converts it.

    Args:
        id: of the model.
        release: what to fetch.
        parameters: how many it has.
        progress: told the bytes that are here and the bytes in all.
        should_stop: asked about once a megabyte; what was fetched by then is kept.

    Returns:
        The folder to load it from.

    Raises:
        ModelError: the package that reads it is missing, it does not fit in memory, is no longer there, was damaged on the
            way, or `should_stop` said so.
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
            f"{id} is no longer at {release.address}. Fetch the file {release.name} elsewhere and give its path instead.",
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
        ModelError: its file is not the released one any more, or the package that reads it is missing.
    """
    if _md5(release.path) != release.md5:
        release.path.unlink()
        raise hub.damaged(id, release.name)
    return deepspeech_folder(release.path)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
