"""The folder of a job: one process executes it while others follow its progress.

JOB/
  request.json   the request; "kind" is the kind of job, by default a fine-tune
  events.jsonl   the events, one per line
  result.json    the result; written last, so its presence means the job is complete
  forecast.json  how long the job was expected to take when it was started; may be missing
  stop           exists if someone asked to stop
  alive.lock     held by the process that executes the job, for as long as it lives
  pid            id of that process
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from filelock import FileLock, Timeout

from core.errors import RunError
from core.storage.files import append_json_line, write_json
from core.storage.state import Damaged, lock, read_checked, read_fields, read_lines
from core.training import events
from core.training.events import Event

KILLED_SECONDS = 10.0  # enough for a killed process to end, unless its disk does not respond
STARTING_SECONDS = 120.0  # a process may take to start before it counts as dead
SETTLED_STEPS = 4  # the first ones also prepare, and so forecast too much

State = Literal["waiting", "running", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class Expected:
    """How long a job is expected to take.

    Attributes:
        seconds: from its first event to the last; None if unknown.
        after: of these, those after the last training step, in which the adapted model transcribes; 0 if it trains nothing.
    """

    seconds: float | None = None
    after: float = 0.0


@dataclass(frozen=True)
class Job:
    """A job's folder.

    Attributes:
        folder: path of the folder.
        RESULT: type of the contents of result.json, see `core.storage.state.fits`.
    """

    folder: Path
    RESULT: ClassVar[Any] = dict[str, Any]

    @property
    def id(self) -> str:
        """The name of the folder."""
        return self.folder.name

    @property
    def kind(self) -> str:
        """The kind of job: "run", "ladder", "robustness", "blend" or "pretraining"."""
        return str(self.read("request.json", dict[str, Any]).get("kind", "run"))

    def read(self, name: str, kind: Any) -> Any:
        """Reads one of the folder's files.

        Args:
            name: name of the file.
            kind: expected type of its contents, see `core.storage.state.fits`.

        Raises:
            RunError: the file is missing or damaged.
        """
        try:
            return read_checked(self.folder / name, kind)
        except FileNotFoundError as error:
            raise RunError("run_missing", f"There is no {name} in {self.folder}.", folder=str(self.folder)) from error
        except Damaged as error:
            raise self.damaged(name) from error

    def damaged(self, name: str) -> RunError:
        """Returns the error for a damaged file in the folder."""
        return RunError(
            "run_damaged",
            f"{name} in {self.folder} is damaged, so this cannot be shown or used. Restore the file from a copy if there is "
            "one, or run it again.",
            name=name,
            run=self.id,
        )

    def append(self, event: events.Event) -> None:
        """Appends an event; it is on disk when this returns."""
        append_json_line(self.folder / "events.jsonl", events.to_json(event))

    def record(self, happened: Iterable[events.Event]) -> Iterator[events.Event]:
        """Appends every event before yielding it."""
        for event in happened:
            self.append(event)
            yield event

    def events(self) -> list[events.Event]:
        """Reads the events so far."""
        return [event for event in read_lines(self.folder / "events.jsonl", events.from_json) if event is not None]

    def result(self) -> Any:
        """Reads the result, a plain dict, or None if the job is not complete.

        Raises:
            RunError: the file is damaged.
        """
        return self.fields()

    def fields(self) -> dict[str, Any] | None:
        """Reads result.json as written, or None if the job is not complete.

        Raises:
            RunError: the file is damaged.
        """
        return self.read("result.json", self.RESULT) if (self.folder / "result.json").exists() else None

    def state(self) -> State:
        """Returns the state of the job; "interrupted" means that its process died."""
        if (self.folder / "result.json").exists():
            return "done"
        happened = self.events()
        if happened and isinstance(happened[-1], events.Failed):
            return "failed"
        if self.is_alive():
            return "running" if happened else "waiting"
        if (self.folder / "result.json").exists():  # written since the first check
            return "done"
        return "interrupted" if happened or self._age() > STARTING_SECONDS else "waiting"

    def expect(self, expected: Expected) -> None:
        """Notes how long the job is expected to take, so that those behind it in a queue can be told."""
        write_json(self.folder / "forecast.json", asdict(expected))

    def remaining(self, happened: Sequence[Event] | None = None) -> float | None:
        """Returns the seconds that an unfinished job will still take once it has its turn, or None if that is unknown.

        Args:
            happened: its events, if they have been read already.
        """
        happened = self.events() if happened is None else happened
        expected = Expected(**read_fields(self.folder / "forecast.json", Expected, None))
        left = _left(happened, expected)
        if left is None or not happened:
            return left
        try:
            return max(0.0, left - abs(time.time() - (self.folder / "events.jsonl").stat().st_mtime))
        except FileNotFoundError:  # deleted since
            return None

    def _age(self) -> float:
        # Absolute, in case the clock was set back: a dead job must not count as starting until the clock catches up.
        return abs(time.time() - (self.folder / "request.json").stat().st_mtime)

    def lock(self) -> FileLock:
        """Returns the lock held by the process that executes the job, for as long as it lives."""
        return lock(self.folder / "alive.lock")

    @contextmanager
    def carried_out(self) -> Iterator[None]:
        """Marks this process as the one that executes the job, until the context ends."""
        with self.lock():
            (self.folder / "pid").write_text(str(os.getpid()), encoding="ascii")
            yield

    def kill(self) -> None:
        """Kills the process that executes the job immediately; unwritten data is lost."""
        with suppress(OSError, ValueError):  # there is no such process, or it has just ended
            if self.is_alive():
                os.kill(int((self.folder / "pid").read_text(encoding="ascii")), getattr(signal, "SIGKILL", signal.SIGTERM))
                until = time.monotonic() + KILLED_SECONDS
                while self.is_alive() and time.monotonic() < until:
                    time.sleep(0.02)

    def is_alive(self) -> bool:
        """Returns whether a process is executing the job."""
        if not self.folder.is_dir():  # deleted; taking the lock would create it again
            return False
        try:
            with self.lock().acquire(timeout=0):
                return False
        except Timeout:
            return True

    def ask_to_stop(self) -> None:
        """Asks the process to stop as soon as possible and to keep its results so far."""
        (self.folder / "stop").touch()

    def should_stop(self) -> bool:
        """Returns whether someone asked to stop."""
        return (self.folder / "stop").exists()


def _left(happened: Sequence[Event], expected: Expected) -> float | None:
    """Returns the seconds that were left of a job at its last event."""
    for event in reversed(happened):
        match event:
            case events.Stepped() if expected.seconds is not None and event.step < SETTLED_STEPS:
                return max(expected.after, expected.seconds - expected.after - event.seconds)
            case events.Stepped() if event.remaining >= 0:
                return event.remaining + expected.after
            case events.Advanced() if event.remaining >= 0:
                return event.remaining
            case events.Entered("saving" | "adapted") if expected.seconds is not None:
                return expected.after
            case events.Prepared() | events.Evaluated(step=0) if expected.seconds is not None:
                return max(expected.after, expected.seconds - expected.after - event.seconds)
            case events.Entered("training") if expected.seconds is not None:
                return max(0.0, expected.seconds - expected.after)  # transcribing with the base takes about as long as after
            case events.Entered("saving" | "adapted"):
                return None
    return None if expected.seconds is None else max(0.0, expected.seconds)


def refuse_used(folder: Path, advice: str = "Choose another folder for the run.") -> None:
    """Checks that a job's folder is new.

    Args:
        folder: folder of the new job.
        advice: advice for the error message.

    Raises:
        RunError: the folder is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise RunError("run_exists", f"{folder} is not empty. {advice}", folder=str(folder))


def stopped() -> RunError:
    """Returns the error that ends a job after a request to stop."""
    return RunError("job_stopped", "Stopped. The results up to that point are kept.")
