"""Sound files named on the command line: one that cannot be decoded costs only itself."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core.errors import AudioError

if TYPE_CHECKING:
    import numpy as np


class Sounds:
    """Decodes files one by one, and names on stderr what was wrong with them.

    Args:
        paths: the files.
        max_seconds: a longer file is refused; by default the limit of one file.

    Attributes:
        failed: path, reason and message of each file that cannot be decoded, so far.
    """

    def __init__(self, paths: Sequence[str], max_seconds: float | None = None) -> None:
        self._paths, self._max_seconds = paths, max_seconds
        self.failed: list[dict[str, Any]] = []

    def decoded(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yields the index of each readable file and its sound, float32 [samples] at 16 kHz.

        Raises:
            AudioError, OSError: the only file cannot be decoded.
        """
        from core.audio import sound_files

        for place, path in enumerate(self._paths):
            try:
                sound = sound_files.read_sound(path, self._max_seconds or sound_files.MAX_SECONDS)
            except (AudioError, OSError) as error:
                if len(self._paths) == 1:
                    raise
                message = str(error) if isinstance(error, AudioError) else f"{error.strerror or error}"
                reason = error.reason if isinstance(error, AudioError) else "audio_unreadable"
                self.failed.append({"path": path, "reason": reason, "message": message})
                self._say(f"attune: {path}: {message}")
            else:
                for kind in sound.changes:
                    self._say(f"note: {path}: {sound_files.CHANGES[kind]}")
                yield place, sound.wave

    @property
    def status(self) -> int:
        """The exit status of a command: 1 if any file could not be decoded."""
        return 1 if self.failed else 0

    def _say(self, line: str) -> None:
        sys.stdout.flush()  # what belongs to earlier files comes first where both go to one place
        print(line, file=sys.stderr, flush=True)
