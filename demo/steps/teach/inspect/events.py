"""Step 3, the report before training: events and their handlers."""

from __future__ import annotations

from functools import partial

from demo.steps.names import numbered
from demo.steps.teach.inspect.handlers import InspectHandlers
from demo.steps.teach.inspect.view import InspectView
from demo.steps.wiring import QUIET, Named, On, Part, Then, named


def watched(view: InspectView) -> Named:
    """Returns the components that show an inspection's progress and its report."""
    places = numbered("place", (named(place, "row", "about", "repair") for place in view.places))
    return {**named(view, "progress", "stop", "timer", "summary", "rest"), **places}


def wire(on: On, view: InspectView, handlers: InspectHandlers, then_show: Then) -> Part:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the event handlers.
        then_show: shows the chosen set after an event.

    Returns:
        The part of the page that fills the panel when the page loads.
    """
    shown, closed = watched(view), named(view, "closed")
    on(view.look.click, handlers.begin, closed, shown, view.message, **QUIET)
    on(view.ask.click, handlers.ask, closed, shown, view.message, **QUIET)
    on(view.stop.click, handlers.stop, {}, named(view, "progress"), None, **QUIET)
    on(view.timer.tick, handlers.look, {}, shown, None, **QUIET, queue=False)
    changed = {**named(view, "done"), **shown}
    for number, place in enumerate(view.places):
        repaired = on(place.repair.click, partial(handlers.repair, place=number), closed, changed, view.message, **QUIET)
        then_show(repaired.then)
    for button, handler in ((view.undo, handlers.undo), (view.back, handlers.back), (view.delete, handlers.delete)):
        then_show(on(button.click, handler, closed, changed, view.message, **QUIET).then)
    return Part({**shown, **named(view, "undo", "back", "delete")}, handlers.restore)
