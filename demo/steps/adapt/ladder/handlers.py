"""Handlers of step 4's ladder panel: fine-tuning with more and more clips to find out how much data is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from core.errors import RunError
from core.runs.job_folder import Expected
from core.runs.ladder import ladder, learning_curve
from core.runs.ladder_job import LadderJob, create
from demo.background.job_processes import Jobs
from demo.session.session import Session
from demo.show import markup, numbers
from demo.show.progress import ACTIVE, job_progress
from demo.show.waiting import NOBODY, waiting
from demo.steps.adapt import settings
from demo.steps.adapt.handlers import LATE_SECONDS, LOADING_SECONDS, AdaptHandlers
from demo.steps.adapt.ladder import show
from demo.steps.adapt.request import missing, request_of, suited, training_set
from demo.steps.job_panel import buttons
from demo.wording import Wording

if TYPE_CHECKING:
    from core.training.forecast import Forecast


class LadderHandlers:
    """The handlers of the ladder panel."""

    def __init__(self, w: Wording, jobs: Jobs, adapting: AdaptHandlers) -> None:
        self._w, self._jobs, self._adapting = w, jobs, adapting

    def forecast(self, session: Session, *, suits: str, seed: float | None, **fields: Any) -> dict[str, Any]:
        """The recipe's fields, suits, seed -> forecast (how many fine-tunes the ladder has, and how long they will take)."""
        recipe = settings.recipe_of(fields)
        if lacks := missing(self._w, session, training_set(session, recipe.task == "classify")):
            return {"forecast": markup.note(lacks)}
        request = request_of(session, recipe, int(seed or 0))
        rungs = ladder(request)
        if not rungs:
            return {"forecast": markup.note(self._w("error.ladder_empty"))}
        sizes = self._w("recipe.and").join(str(size) for size in sorted({rung.clips for rung in rungs}))
        try:
            one = self._adapting.forecast_of(session, recipe, request.labelled_set, LATE_SECONDS, general=False)
        except TimeoutError:
            return {"forecast": markup.note(self._w("ladder.forecast_later", sizes=sizes, runs=len(rungs)))}
        if one is None:
            started = any(run.state() in ACTIVE for run in session.queue())
            return {"forecast": ""} if started else {}
        time = numbers.duration(_seconds(len(rungs), one), self._w)
        return {"forecast": markup.note(self._w("ladder.forecast", sizes=sizes, runs=len(rungs), time=time))}

    def forecasting(self, session: Session) -> dict[str, Any]:
        """-> start, forecast (it is being measured, or what is missing for a start)."""
        lacks = missing(self._w, session, training_set(session))
        return {"start": self._start(session, lacks), "forecast": markup.note(lacks or self._w("adapt.forecasting"))}

    def ready(self, session: Session) -> dict[str, Any]:
        """-> start: enabled if the chosen set and model allow a ladder and none is running."""
        return {"start": self._start(session, missing(self._w, session, training_set(session)))}

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
        one = self._adapting.expected(session, request.recipe, request.labelled_set, general=False)
        self._jobs.start(job, Expected(_seconds(len(job.rungs()), one)) if one else None)
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
            return {"progress": "", "result": "", **self._buttons(session, active=False), "seen": ""}
        state = job.state()
        ahead = self._jobs.ahead(job) if state == "waiting" else NOBODY
        now = f"{job.id} {state} {len(job.events())} {job.should_stop()} {target} {waiting(ahead, self._w)}"
        if now == seen:
            return {}
        shown = {"progress": job_progress(job, self._w, ahead), "result": self._result(job, target)}
        return {**shown, **self._buttons(session, state in ACTIVE), "seen": now}

    def _start(self, session: Session, lacks: str) -> dict[str, Any]:
        job = session.ladder()
        return gr.update(interactive=not lacks and not (job is not None and job.state() in ACTIVE))

    def _buttons(self, session: Session, active: bool) -> dict[str, Any]:
        return buttons(active, possible=active or not missing(self._w, session, training_set(session)))

    def _result(self, job: LadderJob, target: float | None) -> str:
        curve = learning_curve(job.measured())
        wanted = target / 100 if target else curve.sizes[-1].wer / 2 if curve.sizes else 0.0
        return show.result(curve, job.base(), wanted, job.state() == "done", self._w)


def _seconds(rungs: int, one: Forecast) -> float:
    """Forecasts a ladder of so many fine-tunes from the one with all clips: each processes about as many clips in total."""
    return rungs * (one.total + LOADING_SECONDS)
