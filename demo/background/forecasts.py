"""Forecasts of fine-tunes kept for a while, since each takes seconds of measuring; those who ask for the same share it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.storage.memory import return_free_memory

if TYPE_CHECKING:
    from core.training.forecast import Forecast

PLACES = 256  # two numbers each


class Forecasts:
    """The forecasts last asked about, of all browsers. One is measured at a time: each takes the memory of a fine-tune."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Forecast] = OrderedDict()
        self._changed = threading.Condition()
        self._newest: dict[str, object] = {}
        self._measuring = False

    def of(self, owner: str, asked: tuple, measure: Callable[[], Forecast]) -> Forecast | None:
        """Returns a forecast, measuring it if nobody asked for it before.

        Args:
            owner: who asks.
            asked: all that it depends on; its `repr` tells it from others.
            measure: measures it.

        Returns:
            The forecast; None where the same owner asked for another one while this one waited.

        Raises:
            Exception: what `measure` raised.
        """
        key, mine = hashlib.sha256(repr(asked).encode()).hexdigest(), object()
        with self._changed:
            self._newest[owner] = mine
            self._changed.notify_all()
            self._changed.wait_for(lambda: key in self._kept or self._newest.get(owner) is not mine or not self._measuring)
            newer = self._newest.get(owner) is not mine
            if not newer:
                del self._newest[owner]
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            if newer:
                return None
            self._measuring = True
        try:
            measured = measure()
            with self._changed:
                self._kept[key] = measured
                while len(self._kept) > PLACES:
                    self._kept.popitem(last=False)
            return measured
        finally:
            with self._changed:
                self._measuring = False
                self._changed.notify_all()
            return_free_memory()
