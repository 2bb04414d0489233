"""Step 3, importing: events and their handlers."""

from __future__ import annotations

from demo.steps.teach.bring.handlers import BringHandlers
from demo.steps.teach.bring.view import BringView
from demo.steps.wiring import QUIET, Named, On, Part, Then, named


def watched(view: BringView) -> Named:
    """Returns the components that show an import's progress and its question."""
    return named(view, "progress", "stop", "timer", "question", "asked", "path", "text", "speaker", "tier", "arrived")


def wire(on: On, view: BringView, handlers: BringHandlers, then_show: Then, then_look: Then, then_propose: Then) -> Part:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the event handlers.
        then_show: shows the chosen set after an event.
        then_look: shows the set's report after an event.
        then_propose: updates step 4 for the chosen set, after an event.

    Returns:
        The part of the page that fills the panel when the page loads.
    """
    shown = watched(view)
    called = named(view, "name", "language")
    # No event that may fail has the files among its outputs: Gradio recreates a component even when told to leave it
    # unchanged, and the new one would have lost the files' original names.
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
