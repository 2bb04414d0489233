"""Background tasks started by a page that outlive it: one thread per task, which a refreshed page finds again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from core.errors import AttuneError

EVERYONE = ""  # the owner of tasks shared by all browsers
RESULTS_KEPT = 64  # across all browsers; once dropped, the work must be started again


@dataclass
class Task:
    """A background task.

    Attributes:
        order: what was asked for.
        phase: a stable name for its current phase.
        done: how much of the phase is done.
        total: the size of the phase; None if unknown.
        before: the amount done at the start of the current speed measurement.
        begun: when that measurement started, in seconds of the monotonic clock.
        stopping: whether it has been asked to stop.
        ended: whether it has ended.
        result: what the work returned.
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
        """Enters a new phase."""
        self.phase, self.total = phase, None
        self.measure_from(0)

    def measure_from(self, done: int) -> None:
        """Restarts the speed measurement, which excludes what is already done."""
        self.done = self.before = done
        self.begun = time.monotonic()

    def progress(self, done: int, total: int | None) -> None:
        """Updates the progress of the phase."""
        self.done, self.total = done, total

    def remaining(self) -> float | None:
        """Returns the seconds remaining at the speed so far; None while that is unknown."""
        came, took = self.done - self.before, time.monotonic() - self.begun
        return (self.total - self.done) * took / came if self.total and came > 0 and took > 1 else None


class Tasks:
    """Starts and tracks tasks, identified by owner and kind."""

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
        """Starts a task, or returns the running one of this owner and kind.

        Args:
            owner: name of the session that owns it, or `EVERYONE`.
            kind: an owner has at most one running task of each kind.
            order: what was asked for.
            work: runs in a separate thread; its return value is the result.
            admit: called before a new task starts with the number of the owner's running tasks; may raise to refuse it.
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
        """Returns the last task of a kind, or None if there has been none since the app started."""
        return self._tasks.get((owner, kind))

    def is_running(self, owner: str, kind: str) -> bool:
        """Returns whether a task of a kind is running."""
        task = self.look(owner, kind)
        return task is not None and not task.ended

    def stop(self, owner: str, kind: str) -> None:
        """Asks a task to stop."""
        task = self.look(owner, kind)
        if task is not None:
            task.stopping = True

    def failed(self, owner: str, kind: str, error: Exception) -> Task:
        """Records a task as failed, when an earlier process died during it."""
        task = self._tasks[owner, kind] = Task(None, ended=True, error=error)
        return task

    def forget(self, owner: str, kind: str) -> None:
        """Drops a task that has ended."""
        with self._lock:
            task = self._tasks.get((owner, kind))
            if task is not None and task.ended:
                del self._tasks[owner, kind]

    def end(self, owner: str) -> bool:
        """Asks all tasks of an owner to stop and drops those that have ended; returns whether any is still running."""
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
        except Exception as error:  # shown when the page asks for progress
            if not isinstance(error, AttuneError):
                logging.exception("%s failed", threading.current_thread().name)
            task.error = error
        finally:
            task.ended = True
