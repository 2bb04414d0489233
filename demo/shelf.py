"""Models kept warm in the server, so that a transcript does not wait for loading."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from core.models.base import AsrModel
from core.models.catalogue import load_model

PLACES = 3  # models in memory: a base, its adapted one, and one more


class Shelf:
    """The most recently used models; one thread at a time uses them."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[str, str], AsrModel] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def model(self, id: str, language: str = "") -> Iterator[AsrModel]:
        """Lends a model, loading it if it is not on the shelf.

        Raises:
            ModelError: it cannot be loaded.
        """
        with self._lock:
            key = (id, language)
            if key not in self._models:
                self._models[key] = load_model(id, language)
            self._models.move_to_end(key)
            while len(self._models) > PLACES:
                self._models.popitem(last=False)
            yield self._models[key]
