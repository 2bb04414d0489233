"""A disk cache with a size limit, for results that would be the same if computed again; safe to delete at any time."""

from __future__ import annotations

import hashlib
import logging
import struct
import zlib
from collections.abc import Collection, Iterable

import numpy as np

from core.storage.files import home, replacing

FOLDER = "cache"  # in the home folder
BUDGET_BYTES = 4_000_000_000
BLOCK_BYTES = 4096  # the least space a file takes on disk
_HEADER = struct.Struct("<8sIQ")  # magic, CRC-32 of the rest, its length
_MAGIC = b"attune01"


class DiskCache:
    """Values by key, one file each; the least recently used are deleted first.

    Args:
        name: of the folder within Attune's cache.
        budget: the most bytes it may hold; the excess is deleted when the cache is opened.
    """

    def __init__(self, name: str, budget: int = BUDGET_BYTES) -> None:
        self._folder = home() / FOLDER / name
        self._trim(budget)

    def read(self, key: str) -> np.ndarray | None:
        """Returns a value, uint8 [bytes], mapped from disk; None if it is missing, truncated or altered."""
        path = self._folder / key
        try:
            mapped = np.memmap(path, np.uint8, "r")
            magic, checksum, length = _HEADER.unpack(mapped[: _HEADER.size].tobytes())
            value = mapped[_HEADER.size :]
            if magic == _MAGIC and len(value) == length and zlib.crc32(value.data) == checksum:
                path.touch()
                return value
            path.unlink(missing_ok=True)
        except (OSError, ValueError, struct.error):  # missing, empty, too short, or another process has just deleted it
            pass
        return None

    def write(self, key: str, value: bytes) -> None:
        """Stores a value; if the disk is full or read-only, nothing is stored and nothing is lost."""
        try:
            with replacing(self._folder / key) as path:
                path.write_bytes(_HEADER.pack(_MAGIC, zlib.crc32(value), len(value)) + value)
        except OSError as error:
            logging.warning("a result was not cached: %s", error)

    def _trim(self, budget: int) -> None:
        try:
            found = [(file.stat(), file) for file in self._folder.iterdir() if file.is_file()]
        except OSError:  # not there yet, or being deleted
            return
        room = budget
        for status, file in sorted(found, key=lambda pair: -pair[0].st_mtime):
            room -= max(status.st_size, BLOCK_BYTES)
            if room < 0:
                file.unlink(missing_ok=True)


def forget_sounds(fingerprints: Collection[str]) -> None:
    """Deletes the cached values of some sounds, and values of earlier versions whose keys name no sound.

    Args:
        fingerprints: of the sounds, see `core.audio.sound_files.fingerprint`; keys begin with one and a hyphen.
    """
    for file in (home() / FOLDER).glob("*/*"):
        sound, hyphen, _ = file.name.removeprefix(".").partition("-")  # a dot: a crash left it half written
        if not hyphen or sound in fingerprints:
            file.unlink(missing_ok=True)


def key_of(parts: Iterable[bytes | str | int | float]) -> str:
    """Returns a key made of everything that a value depends on: SHA-256 over the parts and their lengths."""
    digest = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(struct.pack("<Q", len(data)))
        digest.update(data)
    return digest.hexdigest()
