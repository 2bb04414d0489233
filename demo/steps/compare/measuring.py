"""Handlers and events that the panels for measurements of the current run's models share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import gradio as gr

from core.errors import RunError
from core.runs.job_folder import Expected
from core.runs.measurement import Measurement
from core.runs.result import Result
from core.runs.run_folder import Run
from demo.background.job_processes import Jobs
from demo.session.session import Session
from demo.show import markup
from demo.show.progress import ACTIVE, job_progress
from demo.show.waiting import NOBODY, waiting
from demo.steps.job_panel import JobView, buttons
from demo.steps.names import Shown
from demo.steps.wiring import QUIET, On, named
from demo.wording import Wording

Kind = TypeVar("Kind", bound=Measurement)


class MeasuringHandlers(Generic[Kind]):
    """The handlers of one panel; a subclass says what its forecast and its result are.

    Args:
        w: the page's wording.
        jobs: starts jobs.
        create, find: of the kind of job.
    """

    def __init__(self, w: Wording, jobs: Jobs, create: Callable[[Run], Kind], find: Callable[[Run], Kind | None]) -> None:
        self._w, self._jobs, self._create, self._find = w, jobs, create, find

    def start(self, session: Session) -> Shown:
        """Starts the job -> the outputs of `look`."""
        run = session.current_run()
        if run is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        result = run.result()
        self._jobs.start(self._create(run), Expected(self.seconds(result)) if result is not None else None)
        return self.look(session)

    def stop(self, session: Session) -> Shown:
        """Asks the job to stop -> the outputs of `look`."""
        run = session.current_run()
        job = self._find(run) if run is not None else None
        if job is not None and job.state() in ACTIVE:
            job.ask_to_stop()
        return self.look(session)

    def look(self, session: Session, seen: str = "") -> Shown:
        """seen -> what `panel` returns, forecast, progress, result, start, stop, timer, seen; nothing if nothing changed."""
        run = session.current_run()
        result = run.result() if run is not None else None
        if run is None or result is None or not self.offers(result):
            missing = {"forecast": markup.note(self._w("missing.run")), "progress": "", "result": "", "seen": ""}
            return {**missing, **buttons(active=False, possible=False), **self.panel(False)}
        job, missing = self._find(run), self._missing(run, result)
        about = markup.note(self._w(missing)) if missing else self.forecast(result)
        if job is None:
            empty = {"progress": "", "result": "", "seen": run.id}
            return {**empty, **buttons(active=False, possible=not missing), **self.panel(True), "forecast": about}
        state = job.state()
        ahead = self._jobs.ahead(job) if state == "waiting" else NOBODY
        now = f"{run.id} {state} {len(job.events())} {job.should_stop()} {waiting(ahead, self._w)}"
        if now == seen:
            return {}
        return {
            **self.panel(True),
            "forecast": "" if state == "done" and not missing else about,
            "progress": job_progress(job, self._w, ahead),
            "result": self.found(job, result),
            **buttons(state in ACTIVE, possible=not missing),
            "seen": now,
        }

    def offers(self, result: Result) -> bool:
        """Whether the panel has something to offer for a result."""
        return True

    def panel(self, visible: bool) -> dict[str, Any]:
        """Returns the value of the panel where it is shown and hidden; nothing where it is part of another."""
        return {}

    def seconds(self, result: Result) -> float:
        """Forecasts the job in seconds, from the time that the run took for its clips."""
        raise NotImplementedError

    def forecast(self, result: Result) -> str:
        """Returns what the job does and how long it will take, as markup."""
        raise NotImplementedError

    def found(self, job: Kind, result: Result) -> str:
        """Returns what the job has found so far, as markup."""
        raise NotImplementedError

    def _missing(self, run: Run, result: Result) -> str:
        """Returns the key of the sentence about what is missing for the job; "" if nothing is."""
        if not (run.adapted / "config.json").is_file():
            return "missing.adapted"
        return "" if result.test is not None else "missing.test"


def wire(on: On, view: JobView, finished: gr.Textbox, handlers: MeasuringHandlers[Any], *panel: str) -> None:
    """Wires a panel.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        finished: holds the id of the run that just finished.
        handlers: those of the panel.
        *panel: "panel" if the handlers show and hide it.
    """
    seen = named(view, "seen")
    looked = named(view, *panel, "forecast", "progress", "result", "start", "stop", "timer", "seen")
    on(finished.change, handlers.look, seen, looked, None, **QUIET)
    on(view.start.click, handlers.start, {}, looked, view.message, **QUIET)
    on(view.stop.click, handlers.stop, {}, looked, view.message, **QUIET)
    on(view.timer.tick, handlers.look, seen, looked, None, **QUIET, queue=False)
