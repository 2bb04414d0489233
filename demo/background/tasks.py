"""Work that a page starts and that goes on without it: one thread a piece of work, so that a refresh joins in."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.errors import AttuneError

EVERYONE = ""  # the owner of work that all browsers share
RESULTS_KEPT = 64  # of all browsers; whoever comes back later starts the work again


@dataclass
class Task:
    """One piece of work.

    Attributes:
        order: what was asked for.
        phase: a stable word for what it is doing.
        done: how much of the phase is done.
        total: of how much; None where nobody knows.
        before: how much of it was done when its speed was last measured from.
        begun: when that was, by the monotonic clock in seconds.
        stopping: whether someone asked it to stop.
        ended: whether it is over.
        result: what came of it.
        error: why it failed, if it did.
    """

    order: Any
    phase: str = ""
    done: int = 0
    total: int | None = None
    before: int = 0
    begun: float = field(default_factory=time.monotonic)
    stopping: bool = False
    ended: bool = False
    result: Any = None
    error: Exception | None = None

    def enter(self, phase: str) -> None:
        """Says what it does from now on."""
        self.phase, self.total = phase, None
        self.measure_from(0)

    def measure_from(self, done: int) -> None:
        """Says how much was done before now, so that the speed leaves it out."""
        self.done = self.before = done
        self.begun = time.monotonic()

    def progress(self, done: int, total: int | None) -> None:
        """Says how far the phase is."""
        self.done, self.total = done, total

    def remaining(self) -> float | None:
        """Returns the seconds still to go at the speed so far; None while there is no speed."""
        came, took = self.done - self.before, time.monotonic() - self.begun
        return (self.total - self.done) * took / came if self.total and came > 0 and took > 1 else None


class Tasks:
    """Starts pieces of work and says how far they are; whoever has the same owner and kind finds the same."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, str], Task] = {}
        self._lock = threading.Lock()

    def start(
        self,
        owner: str,
        kind: str,
        order: Any,
        work: Callable[[Task], Any],
        admit: Callable[[int], None] = lambda going_on: None,
    ) -> Task:
        """Starts a piece of work, or returns the one of its owner and kind that is going on.

        Args:
            owner: name of the session whose work it is, or `EVERYONE`.
            kind: one piece of work a kind goes on at a time.
            order: what was asked for.
            work: does it in a thread of its own; what it returns is the result.
            admit: told how many pieces of work of that owner are going on before one more is started; it may raise.
        """
        key = (owner, kind)
        with self._lock:
            current = self._tasks.pop(key, None)
            if current is not None and not current.ended:
                self._tasks[key] = current
                return current
            admit(sum(not task.ended for (name, _), task in self._tasks.items() if name == owner))
            task = self._tasks[key] = Task(order)
            ended = [key for key, task in self._tasks.items() if task.ended]
            for oldest in ended[: max(0, len(ended) - RESULTS_KEPT)]:
                del self._tasks[oldest]
        threading.Thread(target=self._run, args=(task, work), daemon=True, name=kind).start()
        return task

    def look(self, owner: str, kind: str) -> Task | None:
        """Returns the last piece of work of a kind; None where there was none since the app was started."""
        return self._tasks.get((owner, kind))

    def is_running(self, owner: str, kind: str) -> bool:
        """Whether a piece of work of a kind is going on."""
        task = self.look(owner, kind)
        return task is not None and not task.ended

    def stop(self, owner: str, kind: str) -> None:
        """Asks a piece of work to stop."""
        task = self.look(owner, kind)
        if task is not None:
            task.stopping = True

    def failed(self, owner: str, kind: str, error: Exception) -> Task:
        """Remembers a piece of work as failed over which an earlier process died."""
        task = self._tasks[owner, kind] = Task(None, ended=True, error=error)
        return task

    def forget(self, owner: str, kind: str) -> None:
        """Forgets a piece of work that is over."""
        with self._lock:
            task = self._tasks.get((owner, kind))
            if task is not None and task.ended:
                del self._tasks[owner, kind]

    def end(self, owner: str) -> bool:
        """Asks all work of an owner to stop and forgets what is over; returns whether some is still going on."""
        with self._lock:
            its = [key for key in self._tasks if key[0] == owner]
            for key in its:
                self._tasks[key].stopping = True
                if self._tasks[key].ended:
                    del self._tasks[key]
            return any(key in self._tasks for key in its)

    def _run(self, task: Task, work: Callable[[Task], Any]) -> None:
        try:
            task.result = work(task)
        except Exception as error:  # it is shown where the page asks how far it is
            if not isinstance(error, AttuneError):
                logging.exception("%s failed", threading.current_thread().name)
            task.error = error
        finally:
            task.ended = True
