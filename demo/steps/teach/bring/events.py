"""Step 3, importing: which event calls which handler."""

from __future__ import annotations

from demo.steps.teach.bring.handlers import BringHandlers
from demo.steps.teach.bring.view import BringView
from demo.steps.wiring import QUIET, Named, On, Part, Then, named


def watched(view: BringView) -> Named:
    """Returns the components that show how far an import is, and what it asks."""
    return named(view, "progress", "stop", "timer", "question", "asked", "path", "text", "speaker", "tier", "arrived")


def wire(on: On, view: BringView, handlers: BringHandlers, then_show: Then, then_look: Then, then_propose: Then) -> Part:
    """Wires the panel.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        handlers: what the events do.
        then_show: shows the chosen set.
        then_look: shows its report.
        then_propose: lets step 4 follow another set.

    Returns:
        What shows the panel again when the page was loaded.
    """
    shown = watched(view)
    called = named(view, "name", "language")
    # No event that may fail has the files among its outputs: gradio makes a component anew that it is told to leave as it
    # is, and the new one would not know the files' own names.
    begun = on(view.start.click, handlers.begin, {**named(view, "files"), **called}, shown, view.message, **QUIET)
    on(begun.then, handlers.emptied, {}, named(view, "files"), None, **QUIET)
    asked = {"id": view.dataset, **named(view, "rows"), **called}
    on(view.fetch.click, handlers.fetch, asked, shown, view.message, **QUIET)
    answers = named(view, "path", "text", "speaker", "tier")
    on(view.answer.click, handlers.answer, answers, shown, view.message, **QUIET)
    on(view.stop.click, handlers.stop, {}, named(view, "progress"), None, **QUIET)
    on(view.timer.tick, handlers.look, {}, shown, None, **QUIET, queue=False)
    arrived = then_show(view.arrived.change)
    then_propose(arrived.then)
    then_look(arrived.then)
    return Part({**named(view, "panel", "result"), **shown}, handlers.restore)
