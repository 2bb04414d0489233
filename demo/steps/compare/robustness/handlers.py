"""Handlers of the robustness panel in step 5: base and adapted in noise, in a room and over a telephone."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.errors import RunError
from core.evaluation.compare import Figures
from core.evaluation.robustness import CONDITIONS
from core.runs.result import Result
from core.runs.robustness_job import create, find
from demo.background.job_processes import Jobs
from demo.session.session import Session
from demo.show import markup, numbers
from demo.show.progress import ACTIVE, job_progress
from demo.steps.compare.robustness import show
from demo.steps.job_panel import buttons
from demo.wording import Wording


class RobustnessHandlers:
    """The handlers of the robustness panel."""

    def __init__(self, w: Wording, jobs: Jobs) -> None:
        self._w, self._jobs = w, jobs

    def start(self, session: Session) -> dict[str, Any]:
        """Starts a robustness job -> the outputs of `look`."""
        run = session.current_run()
        if run is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        self._jobs.start(create(run))
        return self.look(session)

    def stop(self, session: Session) -> dict[str, Any]:
        """Asks the robustness job to stop -> the outputs of `look`."""
        run = session.current_run()
        job = find(run) if run is not None else None
        if job is not None and job.state() in ACTIVE:
            job.ask_to_stop()
        return self.look(session)

    def look(self, session: Session, seen: str = "") -> dict[str, Any]:
        """seen -> panel, forecast, progress, result, start, stop, timer, seen; nothing if nothing has changed."""
        run = session.current_run()
        none = {"forecast": "", "progress": "", "result": "", **buttons(active=False)}
        result = run.result() if run is not None else None
        if run is None or result is None or result.test is None:
            return {**none, "panel": gr.update(visible=False), "seen": ""}
        job = find(run)
        if job is None:
            return {**none, "panel": gr.update(visible=True), "forecast": self._forecast(result.test, result), "seen": run.id}
        state = job.state()
        now = f"{run.id} {state} {len(job.events())} {job.should_stop()}"
        if now == seen:
            return {}
        return {
            "panel": gr.update(visible=True),
            "forecast": "" if state == "done" else self._forecast(result.test, result),
            "progress": job_progress(job, self._w),
            "result": show.result(job.points(), self._w),
            **buttons(state in ACTIVE),
            "seen": now,
        }

    def _forecast(self, test: Figures, result: Result) -> str:
        read = 2 * sum(found.clips for found in result.figures.values()) + result.validation_clips
        seconds = result.seconds.evaluate / max(1, read) * 2 * test.clips * len(CONDITIONS)
        time = numbers.duration(seconds, self._w)
        forecast = self._w("robustness.forecast", clips=test.clips, conditions=len(CONDITIONS), time=time)
        return markup.note(forecast)
