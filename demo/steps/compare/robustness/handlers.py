"""Step 5: how base and adapted stand noise, a room and a telephone."""

from __future__ import annotations

import gradio as gr

from core.errors import RunError
from core.evaluation.robustness import CONDITIONS
from core.runs.robustness_job import create, find
from core.runs.run_folder import Run
from demo.background.jobs import Jobs
from demo.session.session import Session
from demo.show import presenters
from demo.show.progress import ACTIVE, job_progress
from demo.steps.compare.robustness import show as endurance
from demo.wording import Wording

LOOKED = 8  # outputs of `look`


class RobustnessHandlers:
    """What happens in the panel on noise."""

    def __init__(self, w: Wording, jobs: Jobs) -> None:
        self._w, self._jobs = w, jobs

    def start(self, session: Session) -> tuple:
        """-> the job as it stands."""
        run = session.current_run()
        if run is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        self._jobs.start(create(run))
        return self.look(session, "")

    def stop(self, session: Session) -> tuple:
        """-> the job as it stands, asked to stop."""
        run = session.current_run()
        job = find(run) if run is not None else None
        if job is not None and job.state() in ACTIVE:
            job.ask_to_stop()
        return self.look(session, "")

    def look(self, session: Session, seen: str) -> tuple:
        """What was shown -> panel, forecast, progress, result, start, stop, timer, seen."""
        run = session.current_run()
        if run is None or not ((run.result() or {}).get("test")):
            return gr.update(visible=False), "", "", "", *_buttons(False), ""
        job = find(run)
        if job is None:
            return gr.update(visible=True), self._forecast(run), "", "", *_buttons(False), run.id
        state = job.state()
        now = f"{run.id} {state} {len(job.events())} {job.should_stop()}"
        if now == seen:
            return (gr.skip(),) * LOOKED
        shown = endurance.result(job.points(), self._w)
        told = "" if state == "done" else self._forecast(run)
        return gr.update(visible=True), told, job_progress(job, self._w), shown, *_buttons(state in ACTIVE), now

    def _forecast(self, run: Run) -> str:
        result = run.result() or {}
        canary = (result.get("canary") or {"clips": 0})["clips"]
        read = 2 * (result["test"]["clips"] + canary) + result.get("validation_clips", 0)
        seconds = result.get("seconds", {}).get("evaluate", 0.0) / max(1, read) * 2 * result["test"]["clips"] * len(CONDITIONS)
        time = presenters.duration(seconds, self._w)
        told = self._w("robustness.forecast", clips=result["test"]["clips"], conditions=len(CONDITIONS), time=time)
        return presenters.note(told)


def _buttons(active: bool) -> tuple:
    """Start, stop and timer."""
    return gr.update(interactive=not active), gr.update(interactive=active), gr.update(active=active)
