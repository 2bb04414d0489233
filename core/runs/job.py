"""A folder in which one process carries something long out while others look on.

JOB/
  request.json   what to do; "kind" says what carries it out, without one it is a fine-tune
  events.jsonl   what happened, a line an event
  result.json    what came of it; written last, so its presence means the job is whole
  stop           someone asked to stop
  alive.lock     held by the process that carries the job out, for as long as it lives
  pid            number of that process
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from filelock import FileLock, Timeout

from core.errors import RunError
from core.storage.files import append_json_line
from core.storage.state import Damaged, lock, read_checked, read_lines
from core.training import events

KILLED_SECONDS = 10.0  # in which a process that is killed has ended, unless its disk does not answer
STARTING_SECONDS = 120.0  # a process may take to start before it counts as dead

State = Literal["waiting", "running", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class Job:
    """A job's folder.

    Attributes:
        folder: where it lies.
        RESULT: what result.json holds, as `core.storage.state.fits` takes it.
    """

    folder: Path
    RESULT: ClassVar[Any] = dict[str, Any]

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def kind(self) -> str:
        """What carries it out: "run", "ladder", "robustness" or "pretraining"."""
        return str(self.read("request.json", dict[str, Any]).get("kind", "run"))

    def read(self, name: str, kind: Any) -> Any:
        """Reads one of the folder's files.

        Args:
            name: of the file.
            kind: what it should hold, see `core.storage.state.fits`.

        Raises:
            RunError: it is missing or damaged.
        """
        try:
            return read_checked(self.folder / name, kind)
        except FileNotFoundError as error:
            raise RunError("run_missing", f"There is no {name} in {self.folder}.", folder=str(self.folder)) from error
        except Damaged as error:
            raise self.damaged(name) from error

    def damaged(self, name: str) -> RunError:
        """Returns what says that one of the folder's files is damaged."""
        return RunError(
            "run_damaged",
            f"{name} in {self.folder} is damaged, so this cannot be shown or used. Put a copy of the file back if there is "
            "one, or start it again.",
            name=name,
            run=self.id,
        )

    def append(self, event: events.Event) -> None:
        """Appends an event; it is on disk when this returns."""
        append_json_line(self.folder / "events.jsonl", events.to_json(event))

    def events(self) -> list[events.Event]:
        """Reads what happened so far."""
        return [event for event in read_lines(self.folder / "events.jsonl", events.from_json) if event is not None]

    def result(self) -> Any:
        """Reads what came of it, a plain dict, or None before the job is whole.

        Raises:
            RunError: the file is damaged.
        """
        return self.fields()

    def fields(self) -> dict[str, Any] | None:
        """Reads result.json as it was written, or None before the job is whole.

        Raises:
            RunError: the file is damaged.
        """
        return self.read("result.json", self.RESULT) if (self.folder / "result.json").exists() else None

    def state(self) -> State:
        """Says how the job stands; a process that died leaves "interrupted"."""
        if (self.folder / "result.json").exists():
            return "done"
        happened = self.events()
        if happened and isinstance(happened[-1], events.Failed):
            return "failed"
        if self.is_alive():
            return "running" if happened else "waiting"
        if (self.folder / "result.json").exists():  # written since the first look
            return "done"
        return "interrupted" if happened or self._age() > STARTING_SECONDS else "waiting"

    def _age(self) -> float:
        # Whichever way the clock was set since: a job that died must not count as starting until it has caught up.
        return abs(time.time() - (self.folder / "request.json").stat().st_mtime)

    def lock(self) -> FileLock:
        """Returns the lock that the process carrying the job out holds while it lives."""
        return lock(self.folder / "alive.lock")

    @contextmanager
    def carried_out(self) -> Iterator[None]:
        """Says that this process carries the job out, for as long as it does."""
        with self.lock():
            (self.folder / "pid").write_text(str(os.getpid()), encoding="ascii")
            yield

    def kill(self) -> None:
        """Ends the process that carries the job out, at once; what it was about to write is not written."""
        with suppress(OSError, ValueError):  # nobody does, or it has just ended
            if self.is_alive():
                os.kill(int((self.folder / "pid").read_text(encoding="ascii")), getattr(signal, "SIGKILL", signal.SIGTERM))
                until = time.monotonic() + KILLED_SECONDS
                while self.is_alive() and time.monotonic() < until:
                    time.sleep(0.02)

    def is_alive(self) -> bool:
        """Whether a process is carrying the job out."""
        if not self.folder.is_dir():  # deleted; taking the lock would create it again
            return False
        try:
            with self.lock().acquire(timeout=0):
                return False
        except Timeout:
            return True

    def ask_to_stop(self) -> None:
        """Asks the process to stop as soon as it can and to keep what it has."""
        (self.folder / "stop").touch()

    def should_stop(self) -> bool:
        """Whether someone asked to stop."""
        return (self.folder / "stop").exists()


def refuse_used(folder: Path, advice: str = "Choose another folder for the run.") -> None:
    """Makes sure that a job's folder is new.

    Args:
        folder: where the job is to be made.
        advice: what to do instead.

    Raises:
        RunError: there is something in it.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RunError("run_exists", f"{folder} is not empty. {advice}", folder=str(folder))


def stopped() -> RunError:
    """Returns what ends a job that was asked to stop."""
    return RunError("job_stopped", "Stopped. What was measured until then is kept.")
