"""Values in a file without a name while memory is short: nothing is left of it whatever ends the program."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import weakref
from typing import IO

import numpy as np


class DiskBuffer:
    """Arrays, each read from a file when it is asked for. Where there is no room for it, they stay in memory.

    It may be read by one thread at a time.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._ends = [0]
        self._rest: list[bytes] = []  # what came after the disk was full

    def __len__(self) -> int:
        return len(self._ends) - 1 + len(self._rest)

    def append(self, values: np.ndarray) -> None:
        """Takes in one more, contiguous, of one axis."""
        data = values.view(np.uint8)
        if not self._rest:
            try:
                self._write(data)
                return
            except OSError as error:
                logging.warning("what was to lie in a file is kept in memory: %s", error)
        self._rest.append(data.tobytes())

    def read(self, place: int) -> np.ndarray:
        """Returns a copy of one of them, uint8 [bytes]."""
        if place >= len(self._ends) - 1:
            data = self._rest[place - len(self._ends) + 1]
        else:
            assert self._file is not None, "something was written"
            start, end = self._ends[place : place + 2]
            self._file.seek(start)
            data = self._file.read(end - start)
        return np.frombuffer(bytearray(data), np.uint8)

    def _write(self, data: np.ndarray) -> None:
        if self._file is None:
            # Without a buffer: what a full disk left in one would be written again, and fail again, at every reading.
            self._file = tempfile.TemporaryFile("w+b", 0)  # noqa: SIM115 closed when this goes
            weakref.finalize(self, self._file.close)
        self._file.seek(self._ends[-1])
        if self._file.write(data.data) < data.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._ends.append(self._ends[-1] + data.nbytes)
