"""Handlers of the errors along the slider in step 5, which a job counts."""

from __future__ import annotations

from core.errors import RunError
from core.runs.blend_job import create, find, places
from core.runs.result import Result
from demo.background.job_processes import Jobs
from demo.session.session import Session
from demo.show import markup, numbers
from demo.show.progress import ACTIVE, job_progress
from demo.steps.compare.between import show
from demo.steps.job_panel import buttons
from demo.steps.names import Shown
from demo.wording import Wording


class CurveHandlers:
    """The handlers of the panel."""

    def __init__(self, w: Wording, jobs: Jobs) -> None:
        self._w, self._jobs = w, jobs

    def start(self, session: Session) -> Shown:
        """Starts the job -> the outputs of `look`."""
        run = session.current_run()
        if run is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        self._jobs.start(create(run))
        return self.look(session)

    def stop(self, session: Session) -> Shown:
        """Asks the job to stop -> the outputs of `look`."""
        run = session.current_run()
        job = find(run) if run is not None else None
        if job is not None and job.state() in ACTIVE:
            job.ask_to_stop()
        return self.look(session)

    def look(self, session: Session, seen: str = "") -> Shown:
        """seen -> forecast, progress, result, start, stop, timer, seen; nothing if nothing has changed."""
        run = session.current_run()
        none = {"forecast": "", "progress": "", "result": "", **buttons(active=False)}
        result = run.result() if run is not None else None
        if run is None or result is None:
            return {**none, "seen": ""}
        job = find(run)
        if job is None:
            return {**none, "forecast": self._forecast(result), "seen": run.id}
        state = job.state()
        now = f"{run.id} {state} {len(job.events())} {job.should_stop()}"
        if now == seen:
            return {}
        return {
            "forecast": "" if state == "done" else self._forecast(result),
            "progress": job_progress(job, self._w),
            "result": show.curve(job.points(), result.blend, self._w),
            **buttons(state in ACTIVE),
            "seen": now,
        }

    def _forecast(self, result: Result) -> str:
        clips = sum(found.clips for found in result.figures.values())
        computed = len(places(result.blend)) - 2  # base and adapted model have written theirs
        seconds = result.seconds.evaluate / max(1, 2 * clips + result.validation_clips) * clips * computed
        time = numbers.duration(seconds, self._w)
        return markup.note(self._w("blend.forecast", clips=clips, places=computed, time=time))
