"""Handlers of step 4's panel that shows a fine-tune at any of its evaluations, during the run and afterwards."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.runs.run_folder import Run
from core.training.events import Evaluated, Event
from demo.session.session import Session
from demo.steps.adapt import show as layers
from demo.steps.adapt.watch import show
from demo.wording import Wording


class WatchHandlers:
    """The handlers of the slider."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def look(self, session: Session, moment: float, followed: str) -> dict[str, Any]:
        """moment, followed (what was shown) -> panel, moment, the outputs of `at`, followed (what is now shown).

        The slider follows the latest evaluation until someone moves it back.
        """
        run = run_in_view(session.queue())
        happened = run.events() if run is not None else []
        seen = show.evaluations(happened)
        if run is None or not seen:
            return {"panel": gr.update(visible=False), "followed": ""}
        id, _, count = followed.partition(" ")
        stays = id == run.id and count.isdecimal() and int(moment) < int(count) - 1
        place = int(moment) if stays else len(seen) - 1
        now, shown = f"{run.id} {len(seen)}", self._shown(run, happened, seen, place)
        if followed != now:
            shown["moment"] = gr.update(maximum=max(1, len(seen) - 1), value=place, interactive=len(seen) > 1)
        return {"panel": gr.update(visible=True), **shown, "followed": now}

    def at(self, session: Session, moment: float) -> dict[str, Any]:
        """moment -> about (step, time and WER), charts, transcripts, drift (how far each layer had moved)."""
        run = run_in_view(session.queue())
        happened = run.events() if run is not None else []
        seen = show.evaluations(happened)
        return self._shown(run, happened, seen, int(moment)) if run is not None and seen else {}

    def _shown(self, run: Run, happened: list[Event], seen: list[Evaluated], place: int) -> dict[str, Any]:
        chosen = seen[min(max(place, 0), len(seen) - 1)]
        return {
            "about": show.about(happened, chosen, self._w),
            "charts": show.charts(happened, chosen.step, self._w),
            "transcripts": show.transcripts(happened, chosen, run.request().labelled_set.language, self._w),
            "drift": layers.drift(chosen.drift, chosen.step, self._w),
        }


def run_in_view(queue: list[Run]) -> Run | None:
    """Returns the run to show of those started together: the active one, otherwise the first."""
    states = [run.state() for run in queue]
    place = next((states.index(state) for state in ("running", "waiting") if state in states), 0)
    return queue[place] if queue else None
