"""WAV files whose header names too short a length, as recorders leave them that are stopped before they can write it."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any, BinaryIO

CHUNKS = 1_000  # looked at in one file; real ones have a dozen
UNKNOWN = 0xFFFF_FFFF  # as length; libsndfile then reads what is there
STRAY_BYTES = 1_024  # after the sound, of no known meaning: no more than padding
NOT_SOUND = (b"LIST", b"id3 ", b"ID3", b"TAG", b"APETAGEX", b"bext", b"iXML")  # how tags after the sound begin


def patches(path: Path) -> dict[int, bytes]:
    """Returns what a WAV's header should say, by position, if more sound follows than it names; otherwise nothing.

    Well-formed chunks and tags after the sound are no sound.

    Raises:
        OSError: the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
            return {}
        at, long_length = 12, UNKNOWN
        for _ in range(CHUNKS):
            id, claimed = _chunk(file, at)
            if id in (b"", b"data"):
                break
            if id == b"ds64":  # of RF64: 64-bit lengths, the file's and then the sound's
                long_length = int.from_bytes(file.read(16)[8:], "little")
            at += 8 + claimed + claimed % 2
        if id != b"data":
            return {}
        start = at + 8
        claimed = long_length if head[:4] == b"RF64" and claimed == UNKNOWN else claimed
        end = start + claimed + claimed % 2
        if claimed == UNKNOWN or end >= size or (claimed and size - end <= STRAY_BYTES) or _is_no_sound(file, end, size):
            return {}
    lengths = (struct.pack("<I", min(length, UNKNOWN)) for length in (size - 8, size - start))
    return {0: b"RIFF" + next(lengths), at + 4: next(lengths)}


def _chunk(file: BinaryIO, at: int) -> tuple[bytes, int]:
    file.seek(at)
    head = file.read(8)
    return (head[:4], int.from_bytes(head[4:], "little")) if len(head) == 8 else (b"", 0)


def _is_no_sound(file: BinaryIO, at: int, size: int) -> bool:
    """Returns whether chunks fill the rest of a file, or a tag begins there."""
    for number in range(CHUNKS):
        id, claimed = _chunk(file, at)
        if number == 0 and id.startswith(NOT_SOUND):
            return True
        if not id or not id.isascii() or not id.decode("ascii").isprintable():
            return False
        at += 8 + claimed + claimed % 2
        if at >= size:
            return at - size <= 1  # the last padding byte may be missing
    return False


class PatchedFile(io.FileIO):
    """A file read as if some bytes in it were others.

    Args:
        path: the file.
        changed: the other bytes, by position.
    """

    def __init__(self, path: Path, changed: dict[int, bytes]) -> None:
        super().__init__(path)
        self._changed = changed

    def readinto(self, buffer: Any) -> int:
        """Reads bytes into a buffer; returns how many."""
        at = self.tell()
        count = super().readinto(buffer) or 0
        view = memoryview(buffer).cast("B")
        for place, other in self._changed.items():
            low, high = max(at, place), min(at + count, place + len(other))
            if low < high:
                view[low - at : high - at] = other[low - place : high - place]
        return count
