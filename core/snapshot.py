"""Parameters as they were at one moment, kept in a file: a second copy of the network would be most of what memory holds."""

from __future__ import annotations

import logging
import tempfile
import weakref
from collections.abc import Sequence
from typing import IO, Any

import torch


class Snapshot:
    """The values of some parameters, replaced each time they are taken.

    Where there is no room for the file, they are kept in memory.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._places: list[tuple[int, torch.Size, torch.dtype]] = []  # where each begins
        self._values: list[torch.Tensor] = []
        self.taken = False

    def take(self, values: Sequence[torch.Tensor]) -> None:
        """Keeps these values, of any types, instead of what was kept before."""
        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 closed when this goes
                weakref.finalize(self, self._file.close)
            self._file.seek(0)
            self._places = []
            for value in values:
                self._places.append((self._file.tell(), value.shape, value.dtype))
                self._file.write(_bytes(value.detach().cpu().contiguous()))
            self._file.flush()
            self._values = []
        except OSError as error:
            logging.warning("weights are kept in memory: %s", error)
            self._values = [value.detach().clone() for value in values]
        self.taken = True

    @torch.no_grad()
    def put_back(self, parameters: Sequence[torch.Tensor]) -> None:
        """Sets parameters, of the shapes that were taken, to the kept values."""
        for place, parameter in enumerate(parameters):
            parameter.copy_(self.value(place))

    def value(self, place: int) -> torch.Tensor:
        """Returns the kept value at a place in their order, on the CPU unless there was no room for the file."""
        if self._values:
            return self._values[place]
        assert self._file is not None, "nothing was taken"
        start, shape, kind = self._places[place]
        value = torch.empty(shape, dtype=kind)
        self._file.seek(start)
        self._file.readinto(_bytes(value))  # type: ignore[attr-defined]
        return value


def compact(values: torch.Tensor) -> torch.Tensor:
    """Returns a copy in half the memory where that loses nothing: many models were published in float16."""
    halves = values.detach().half()
    return halves if torch.equal(halves.to(values.dtype), values) else values.detach().clone()


def _bytes(values: torch.Tensor) -> memoryview:
    array: Any = values.reshape(-1).view(torch.uint8).numpy()
    return memoryview(array)
