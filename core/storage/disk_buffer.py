"""Arrays kept in an unnamed temporary file to save memory; the file vanishes however the program ends."""

from __future__ import annotations

import errno
import logging
import os
import tempfile
import weakref
from typing import IO

import numpy as np


class DiskBuffer:
    """Arrays that are read from a file on demand. When the disk is full, further ones stay in memory.

    Only one thread may read at a time.
    """

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._ends = [0]
        self._rest: list[bytes] = []  # appended after the disk was full

    def __len__(self) -> int:
        return len(self._ends) - 1 + len(self._rest)

    def append(self, values: np.ndarray) -> None:
        """Adds a contiguous one-dimensional array."""
        data = values.view(np.uint8)
        if not self._rest:
            try:
                self._write(data)
                return
            except OSError as error:
                logging.warning("values are kept in memory instead of a file: %s", error)
        self._rest.append(data.tobytes())

    def read(self, place: int) -> np.ndarray:
        """Returns a copy of one array, uint8 [bytes]."""
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
            # Unbuffered: data that a full disk left in a buffer would be written again, and fail again, at every read.
            self._file = tempfile.TemporaryFile("w+b", 0)  # noqa: SIM115 closed when this goes
            weakref.finalize(self, self._file.close)
        self._file.seek(self._ends[-1])
        if self._file.write(data.data) < data.nbytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._ends.append(self._ends[-1] + data.nbytes)
