"""Models kept warm in the server, so that a transcript does not wait for loading."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.models import memory
from core.models.base import AsrModel
from core.models.catalogue import load_model

PLACES = 3  # models in memory: a base, its adapted one, and one more
PATIENCE_SECONDS = 0.1  # for which a moment's work waits before it looks for a copy of its own

Key = tuple[str, str]  # id and language


class Shelf:
    """The most recently used models; one thread at a time uses them, and one more for a moment a copy of its own."""

    def __init__(self) -> None:
        self._models: OrderedDict[Key, AsrModel] = OrderedDict()
        self._lock = threading.Lock()
        self._spare: tuple[Key, AsrModel] | None = None
        self._spare_lock = threading.Lock()

    @contextmanager
    def model(self, id: str, language: str = "") -> Iterator[AsrModel]:
        """Lends a model, loading it if it is not on the shelf.

        Raises:
            ModelError: it cannot be loaded.
        """
        with self._lock:
            yield self._taken((id, language))

    @contextmanager
    def model_at_once(self, id: str, language: str = "") -> Iterator[AsrModel]:
        """Lends a model for a moment's work, such as one clip that was just spoken.

        Where long work holds the shelf, a forecast for example, it is a second copy, if there is memory for one.

        Raises:
            ModelError: it cannot be loaded.
        """
        key = (id, language)
        while not self._lock.acquire(timeout=PATIENCE_SECONDS):
            if self._fits_twice(key):
                with self._spare_lock:
                    yield self._copied(key)
                return
        try:
            yield self._taken(key)
        finally:
            self._lock.release()

    def forget(self, folder: Path) -> None:
        """Puts away the models that lie in a folder, once nobody uses the shelf."""
        with self._lock:
            for key in [key for key in self._models if Path(key[0]).is_relative_to(folder)]:
                del self._models[key]
        with self._spare_lock:
            if self._spare is not None and Path(self._spare[0][0]).is_relative_to(folder):
                self._spare = None

    def _taken(self, key: Key) -> AsrModel:
        if key not in self._models:
            self._models[key] = load_model(*key)
        self._models.move_to_end(key)
        while len(self._models) > PLACES:
            self._models.popitem(last=False)
        return self._models[key]

    def _copied(self, key: Key) -> AsrModel:
        if self._spare is None or self._spare[0] != key:
            self._spare = None  # the last one goes before the next one comes
            self._spare = (key, load_model(*key))
        return self._spare[1]

    def _fits_twice(self, key: Key) -> bool:
        model, free = self._models.get(key), memory.available()
        if model is None or free is None:  # it is being loaded, or nobody knows
            return False
        return free > memory.needed_to_load(sum(parameter.numel() for parameter in model.network.parameters()))
