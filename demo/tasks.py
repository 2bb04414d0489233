"""Work that a page starts and that goes on without it: one thread a visitor and kind of work."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.errors import AttuneError
from demo.session import Session


@dataclass
class Task:
    """One piece of work.

    Attributes:
        order: what was asked for.
        phase: a stable word for what it is doing.
        done: how much of the phase is done.
        total: of how much; None where nobody knows.
        stopping: whether someone asked it to stop.
        ended: whether it is over.
        result: what came of it.
        error: why it failed, if it did.
    """

    order: Any
    phase: str = ""
    done: int = 0
    total: int | None = None
    stopping: bool = False
    ended: bool = False
    result: Any = None
    error: Exception | None = None

    def enter(self, phase: str) -> None:
        """Says what it does from now on."""
        self.phase, self.done, self.total = phase, 0, None

    def progress(self, done: int, total: int | None) -> None:
        """Says how far the phase is."""
        self.done, self.total = done, total


class Tasks:
    """Starts pieces of work and says how far they are; a page that is loaded again finds them by its session."""

    def __init__(self) -> None:
        self._tasks: dict[tuple[str, str], Task] = {}
        self._lock = threading.Lock()

    def start(self, session: Session, kind: str, order: Any, work: Callable[[Task], Any]) -> Task:
        """Starts a piece of work, or returns the one of its kind that is going on."""
        key = (session.folder.name, kind)
        with self._lock:
            current = self._tasks.get(key)
            if current is not None and not current.ended:
                return current
            task = self._tasks[key] = Task(order)
        threading.Thread(target=self._run, args=(task, work), daemon=True, name=kind).start()
        return task

    def look(self, session: Session, kind: str) -> Task | None:
        """Returns the last piece of work of a kind; None where there was none."""
        return self._tasks.get((session.folder.name, kind))

    def stop(self, session: Session, kind: str) -> None:
        """Asks a piece of work to stop."""
        task = self.look(session, kind)
        if task is not None:
            task.stopping = True

    def forget(self, session: Session, kind: str) -> None:
        """Forgets a piece of work that is over."""
        with self._lock:
            task = self._tasks.get((session.folder.name, kind))
            if task is not None and task.ended:
                del self._tasks[session.folder.name, kind]

    def _run(self, task: Task, work: Callable[[Task], Any]) -> None:
        try:
            task.result = work(task)
        except Exception as error:  # it is shown where the page asks how far it is
            if not isinstance(error, AttuneError):
                logging.exception("a task failed")
            task.error = error
        finally:
            task.ended = True
