"""Models being fetched: one thread a model, shared by all pages, so that a refresh or a second visitor joins in."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.models.catalogue import fetch_model
from core.models.fetching import BLOCK_BYTES

Fetch = Callable[[str, Callable[[int, int], None], Callable[[], bool]], str]


@dataclass
class Download:
    """One model on its way.

    Attributes:
        done: bytes that are here.
        total: bytes in all; 0 until the server has said.
        here_before: bytes that were here when its speed was last measured from; an earlier fetch may have brought them.
        begun: when that was, by the monotonic clock in seconds.
        stopping: whether someone asked it to stop.
        ended: whether it is over.
        error: why it failed, if it did.
    """

    done: int = 0
    total: int = 0
    here_before: int = 0
    begun: float = 0.0
    stopping: bool = False
    ended: bool = False
    error: Exception | None = None

    def remaining(self) -> float | None:
        """Returns the seconds still to go at the speed so far; None while there is no speed."""
        came, took = self.done - self.here_before, time.monotonic() - self.begun
        return (self.total - self.done) * took / came if came > 0 and took > 1 else None


class Downloads:
    """Starts fetches and says how far they are.

    Args:
        fetch: what fetches a model.
    """

    def __init__(self, fetch: Fetch = fetch_model) -> None:
        self._fetch = fetch
        self._downloads: dict[str, Download] = {}
        self._lock = threading.Lock()

    def start(self, id: str) -> None:
        """Starts fetching a model, or does nothing if it is on its way."""
        with self._lock:
            current = self._downloads.get(id)
            if current is not None and not current.ended:
                return
            download = self._downloads[id] = Download()
        threading.Thread(target=self._run, args=(id, download), daemon=True, name=f"fetch {id}").start()

    def look(self, id: str) -> Download | None:
        """Returns how far a fetch is, or how the last one of this model ended; None if there was none."""
        return self._downloads.get(id)

    def stop(self, id: str) -> None:
        """Asks a fetch to stop; what came is kept."""
        download = self._downloads.get(id)
        if download is not None:
            download.stopping = True

    def _run(self, id: str, download: Download) -> None:
        def progress(done: int, total: int) -> None:
            if not download.begun or not 0 <= done - download.done <= BLOCK_BYTES:  # more at once was here before
                download.begun, download.here_before = time.monotonic(), done
            download.done, download.total = done, total

        try:
            self._fetch(id, progress, lambda: download.stopping)
        except Exception as error:  # it is shown where the page asks how far it is
            download.error = error
        finally:
            download.ended = True
