"""The sound of clips, in a file while they are learnt from: hours of it would fill the memory of a laptop."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import weakref
from collections.abc import Iterable, Sequence
from typing import IO, overload

import numpy as np

Sounds = Sequence[tuple[np.ndarray, str]]  # float32 [samples] at 16 kHz, and what is said in it

SAMPLE_BYTES = 4


def evenly(count: int, most: int) -> list[int]:
    """Returns the places of at most so many of a number of things, spread evenly from the first on."""
    kept = min(count, most)
    return [i * count // kept for i in range(kept)]


class Waves(Sequence[np.ndarray]):
    """Sounds float32 [samples], each read from a file when it is asked for. Where there is no room for it, they stay in memory.

    The file has no name, so that nothing is left of it whatever ends the program, and what is done to the clips meanwhile
    changes nothing. It may be read by one thread at a time.

    Args:
        waves: the sounds, taken in one by one.
    """

    def __init__(self, waves: Iterable[np.ndarray] = ()) -> None:
        self._file: IO[bytes] | None = None
        self._ends = [0]
        self._rest: list[np.ndarray] = []  # what came after the disk was full
        for wave in waves:
            self.append(wave)

    def append(self, wave: np.ndarray) -> None:
        """Takes in one more."""
        wave = np.ascontiguousarray(wave, np.float32)
        if not self._rest:
            try:
                self._write(wave)
                return
            except OSError as error:
                logging.warning("sounds are kept in memory: %s", error)
        self._rest.append(wave)

    def __len__(self) -> int:
        return len(self._ends) - 1 + len(self._rest)

    @overload
    def __getitem__(self, place: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, place: slice) -> list[np.ndarray]: ...
    def __getitem__(self, place: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        if place >= len(self._ends) - 1:
            return self._rest[place - len(self._ends) + 1]
        assert self._file is not None, "something was written"
        start, end = self._ends[place : place + 2]
        self._file.seek(start * SAMPLE_BYTES)
        return np.frombuffer(bytearray(self._file.read((end - start) * SAMPLE_BYTES)), np.float32)

    def _write(self, wave: np.ndarray) -> None:
        if self._file is None:
            # Without a buffer: what a full disk left in one would be written again, and fail again, at every reading.
            self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 closed when this goes
            weakref.finalize(self, self._file.close)
        self._file.seek(self._ends[-1] * SAMPLE_BYTES)
        if self._file.write(wave.data) < wave.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._ends.append(self._ends[-1] + len(wave))


class Labelled(Sequence[tuple[np.ndarray, str]]):
    """Sounds with what is said in them, each read when it is asked for.

    Args:
        waves: the sounds.
        texts: as many.
    """

    def __init__(self, waves: Sequence[np.ndarray], texts: Sequence[str]) -> None:
        if len(waves) != len(texts):
            raise ValueError(f"{len(waves)} sounds with {len(texts)} texts")
        self._waves, self._texts = waves, texts

    def __len__(self) -> int:
        return len(self._texts)

    @overload
    def __getitem__(self, place: int) -> tuple[np.ndarray, str]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[np.ndarray, str]]: ...
    def __getitem__(self, place: int | slice) -> tuple[np.ndarray, str] | list[tuple[np.ndarray, str]]:
        if isinstance(place, slice):
            return list(zip(self._waves[place], self._texts[place], strict=True))
        return self._waves[place], self._texts[place]
