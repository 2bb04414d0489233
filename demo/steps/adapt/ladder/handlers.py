"""Handlers of step 4's ladder panel: fine-tuning with more and more clips to find out how much data is needed."""

from __future__ import annotations

from typing import Any

from core.errors import DatasetError, RunError
from core.runs.ladder import ladder, learning_curve
from core.runs.ladder_job import LadderJob, create
from demo.background.job_processes import Jobs
from demo.session.session import Session
from demo.show import markup, numbers
from demo.show.progress import ACTIVE, job_progress
from demo.steps.adapt import settings
from demo.steps.adapt.handlers import AdaptHandlers, request_of, suited
from demo.steps.adapt.ladder import show
from demo.steps.job_panel import buttons
from demo.wording import Wording


class LadderHandlers:
    """The handlers of the ladder panel."""

    def __init__(self, w: Wording, jobs: Jobs, adapting: AdaptHandlers) -> None:
        self._w, self._jobs, self._adapting = w, jobs, adapting

    def forecast(self, session: Session, *, suits: str, seed: float | None, **fields: Any) -> dict[str, Any]:
        """The recipe's fields, suits, seed -> forecast (how many fine-tunes the ladder has, and how long they will take)."""
        recipe = settings.recipe_of(fields)
        try:
            rungs = ladder(request_of(session, recipe, int(seed or 0)))
        except DatasetError:  # the set's card says what is missing
            return {"forecast": ""}
        one = self._adapting.forecast_of(session, recipe, general=False)
        if one is None:
            started = any(run.state() in ACTIVE for run in session.queue())
            return {"forecast": ""} if started else {}
        sizes = self._w("recipe.and").join(str(size) for size in sorted({rung.clips for rung in rungs}))
        time = numbers.duration(show.seconds(rungs, one), self._w)
        return {"forecast": markup.note(self._w("ladder.forecast", sizes=sizes, runs=len(rungs), time=time))}

    def forecasting(self, session: Session) -> dict[str, Any]:
        """-> forecast (it is being measured)."""
        return {"forecast": markup.note(self._w("adapt.forecasting"))}

    def start(self, session: Session, *, suits: str, seed: float | None, target: float | None, **fields: Any) -> dict[str, Any]:
        """The recipe's fields, suits, seed, target -> the outputs of `look`. Resumes the same ladder if it ended early."""
        before = session.ladder()
        if before is not None and before.state() in ACTIVE:
            raise RunError("job_running", "This is already being measured. Wait for it, or stop it first.")
        request = request_of(session, suited(session, fields, suits), int(seed or 0))
        if before is not None and before.result() is None and before.asks_for(request):
            before.resume()
            job = before
        else:
            job = create(session.new_ladder_folder(), request)
        self._jobs.start(job)
        session.choose(ladder=job.id)
        return self.look(session, target)

    def stop(self, session: Session, target: float | None) -> dict[str, Any]:
        """target -> the outputs of `look`. Stops the ladder."""
        job = session.ladder()
        if job is not None and job.state() in ACTIVE:
            job.ask_to_stop()
        return self.look(session, target)

    def look(self, session: Session, target: float | None, seen: str = "") -> dict[str, Any]:
        """target, seen -> progress, result, start, stop, timer, seen: the ladder's state; nothing if it is unchanged."""
        job = session.ladder()
        if job is None:
            return {"progress": "", "result": "", **buttons(active=False), "seen": ""}
        state = job.state()
        now = f"{job.id} {state} {len(job.events())} {job.should_stop()} {target}"
        if now == seen:
            return {}
        shown = {"progress": job_progress(job, self._w), "result": self._result(job, target)}
        return {**shown, **buttons(state in ACTIVE), "seen": now}

    def _result(self, job: LadderJob, target: float | None) -> str:
        curve = learning_curve(job.measured())
        wanted = target / 100 if target else curve.sizes[-1].wer / 2 if curve.sizes else 0.0
        return show.result(curve, job.base(), wanted, job.state() == "done", self._w)
