"""Step 4: looking at a fine-tune at any of its evaluations, while it runs and after."""

from __future__ import annotations

import gradio as gr

from core.runs.run_folder import Run
from core.training.events import Evaluated, Event
from demo.session.session import Session
from demo.steps.adapt import show as layers
from demo.steps.adapt.watch import show as moments
from demo.wording import Wording

LOOKED = 7  # outputs of `look`
AT = 4  # of `at`


class WatchHandlers:
    """What happens at the slider."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def look(self, session: Session, moment: float, followed: str) -> tuple:
        """Moment, what was followed -> panel, moment, all of `at`, what is followed now.

        The slider goes along with the newest evaluation until someone moves it back.
        """
        run = run_in_view(session.queue())
        happened = run.events() if run is not None else []
        seen = moments.moments(happened)
        if run is None or not seen:
            return gr.update(visible=False), *(gr.skip(),) * (LOOKED - 2), ""
        id, _, count = followed.partition(" ")
        stays = id == run.id and count.isdecimal() and int(moment) < int(count) - 1
        place = int(moment) if stays else len(seen) - 1
        slider = gr.skip()
        if followed != f"{run.id} {len(seen)}":
            slider = gr.update(maximum=max(1, len(seen) - 1), value=place, interactive=len(seen) > 1)
        return gr.update(visible=True), slider, *self._shown(run, happened, seen, place), f"{run.id} {len(seen)}"

    def at(self, session: Session, moment: float) -> tuple:
        """Moment -> what it is, curves, transcripts, how far each layer had moved."""
        run = run_in_view(session.queue())
        happened = run.events() if run is not None else []
        seen = moments.moments(happened)
        if run is None or not seen:
            return (gr.skip(),) * AT
        return self._shown(run, happened, seen, int(moment))

    def _shown(self, run: Run, happened: list[Event], seen: list[Evaluated], place: int) -> tuple:
        chosen = seen[min(max(place, 0), len(seen) - 1)]
        return (
            moments.about(chosen, self._w),
            moments.charts(happened, chosen.step, self._w),
            moments.transcripts(happened, chosen, run.request().labelled_set.language, self._w),
            layers.drift(chosen.drift, chosen.step, self._w),
        )


def run_in_view(queue: list[Run]) -> Run | None:
    """Returns the run that the page shows of those started together: the one under way, else the first."""
    states = [run.state() for run in queue]
    place = next((states.index(state) for state in ("running", "waiting") if state in states), 0)
    return queue[place] if queue else None
