"""Cache of fine-tune forecasts, since each takes seconds to measure; requests for the same forecast share it."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING

from core.storage.memory import return_free_memory

if TYPE_CHECKING:
    from core.training.forecast import Forecast

PLACES = 256  # two numbers each


class Forecasts:
    """The most recently used forecasts, of all browsers. One is measured at a time: each takes the memory of a fine-tune."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Forecast] = OrderedDict()
        self._changed = threading.Condition()
        self._newest: dict[str, object] = {}
        self._measuring = False

    def known(self, asked: tuple) -> Forecast | None:
        """Returns the forecast of what `of` would be asked, if it is cached."""
        with self._changed:
            return self._kept.get(_key(asked))

    def within(self, seconds: float, owner: str, asked: tuple, measure: Callable[[], Forecast]) -> Forecast | None:
        """Returns a forecast as `of` does, if it comes in time; otherwise measuring goes on, and the next call may have it.

        Args:
            seconds: to wait.
            owner, asked, measure: as `of` takes them; `measure` is called in another thread.

        Raises:
            TimeoutError: it takes longer.
            Exception: whatever `measure` raises.
        """
        found: Future[Forecast | None] = Future()

        def work() -> None:
            try:
                found.set_result(self.of(owner, asked, measure))
            except Exception as error:
                found.set_exception(error)

        threading.Thread(target=work, daemon=True, name="forecast").start()
        return found.result(seconds)

    def of(self, owner: str, asked: tuple, measure: Callable[[], Forecast]) -> Forecast | None:
        """Returns a forecast, measuring it if it is not cached.

        Args:
            owner: who asks for it.
            asked: everything the forecast depends on; its `repr` is the cache key.
            measure: measures it.

        Returns:
            The forecast; None if the same owner asked for another one while this one was waiting.

        Raises:
            Exception: whatever `measure` raises.
        """
        key, mine = _key(asked), object()
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


def _key(asked: tuple) -> str:
    return hashlib.sha256(repr(asked).encode()).hexdigest()
