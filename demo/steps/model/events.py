"""Event wiring of step 1."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from demo.steps.model.handlers import ModelHandlers
from demo.steps.model.view import ModelView
from demo.steps.wiring import QUIET, WAITS, Handler, On, Part, Then, named


def wire(on: On, view: ModelView, handlers: ModelHandlers, then_propose: Then) -> Part:
    """Wires the step.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the step's handlers.
        then_propose: wires the update of step 4 after a change of model.

    Returns:
        The part that restores the step when the page is loaded.
    """
    fetching = named(view, "status", "stop", "timer", "fetched")

    def then_use(event: Callable, handler: Handler, id: gr.Dropdown | gr.Textbox) -> None:
        used = on(event, handler, {"id": id}, named(view, "status"), view.message, blank=True, **WAITS)
        used = on(used.then, handlers.relabel, {"id": id}, named(view, "choice"), None, **QUIET)
        then_propose(used.then)

    # Leaving the list triggers `about`, usually by a click on the button; unqueued, it does not share the click's stream.
    chosen = {"id": view.choice}
    on(view.choice.input, handlers.about, chosen, named(view, "about"), None, **QUIET, queue=False)
    begun = on(view.use.click, handlers.begin, chosen, named(view, "status", "stop", "timer"), view.message, **QUIET)
    then_use(begun.then, handlers.use, view.choice)
    on(view.stop.click, handlers.stop, {}, named(view, "status"), None, **QUIET)
    on(view.timer.tick, handlers.look, {}, fetching, None, **QUIET, queue=False)
    then_use(view.fetched.change, handlers.arrived, view.fetched)
    return Part({**named(view, "choice"), **fetching}, handlers.restore)
