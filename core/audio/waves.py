"""Keeps the sound of training clips in a file: hours of it would fill a laptop's memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

from core.storage.disk_buffer import DiskBuffer

Sounds = Sequence[tuple[np.ndarray, str]]  # float32 [samples] at 16 kHz, and what is said in it


def evenly(count: int, most: int) -> list[int]:
    """Returns at most that many positions out of a number of items, spread evenly from the first."""
    kept = min(count, most)
    return [i * count // kept for i in range(kept)]


class Waves(Sequence[np.ndarray]):
    """Sounds float32 [samples], each read from a temporary file on demand, even if the clips' own files disappear.

    Args:
        waves: the sounds, added one by one.
    """

    def __init__(self, waves: Iterable[np.ndarray] = ()) -> None:
        self._kept = DiskBuffer()
        for wave in waves:
            self.append(wave)

    def append(self, wave: np.ndarray) -> None:
        """Adds a sound."""
        self._kept.append(np.ascontiguousarray(wave, np.float32))

    def __len__(self) -> int:
        return len(self._kept)

    @overload
    def __getitem__(self, place: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, place: slice) -> list[np.ndarray]: ...
    def __getitem__(self, place: int | slice) -> np.ndarray | list[np.ndarray]:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        return self._kept.read(range(len(self))[place]).view(np.float32)


class Labelled(Sequence[tuple[np.ndarray, str]]):
    """Sounds with their texts, each read on demand.

    Args:
        waves: the sounds.
        texts: one per sound.
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
