"""Event wiring of the ladder panel. No logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from demo.steps.adapt.ladder.handlers import LadderHandlers
from demo.steps.adapt.ladder.view import LadderView
from demo.steps.wiring import QUIET, WAITS, On, named


def wire(on: On, view: LadderView, planned: Mapping[str, Any], handlers: LadderHandlers) -> Callable[[Callable], None]:
    """Wires the panel.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        planned: the components of step 4 that define a fine-tune, by their names in `LadderHandlers.start`.
        handlers: the panel's handlers.

    Returns:
        A function that takes the event after the page was loaded, and restores the panel after it.
    """
    job, target = view.job, named(view, "target")
    forecast, looked = named(job, "forecast"), named(job, "progress", "result", "start", "stop", "timer", "seen")
    opened = on(job.panel.expand, handlers.forecasting, {}, named(job, "start", "forecast"), None, **QUIET)
    on(opened.then, handlers.forecast, planned, forecast, job.message, blank=True, **WAITS)
    on(job.start.click, handlers.start, {**planned, **target}, looked, job.message, **QUIET)
    on(job.stop.click, handlers.stop, target, looked, job.message, **QUIET)
    look = {**named(job, "seen"), **target}
    on(job.timer.tick, handlers.look, look, looked, None, **QUIET, queue=False)
    on(view.target.change, handlers.look, look, looked, None, **QUIET)

    def restore(loaded: Callable) -> None:
        on(loaded, handlers.look, look, looked, job.message, **QUIET)

    return restore
