"""Step 3, the split: events and their handlers."""

from __future__ import annotations

from demo.steps.teach.split.handlers import SplitHandlers
from demo.steps.teach.split.view import SplitView
from demo.steps.wiring import QUIET, On, Then, named


def wire(on: On, view: SplitView, handlers: SplitHandlers, then_show: Then, then_look: Then) -> None:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the event handlers.
        then_show: shows the chosen set after an event.
        then_look: shows the set's report after an event.
    """
    then_show(view.panel.expand)
    moved = on(view.move.click, handlers.move, named(view, "who", "part"), named(view, "note"), view.message, **QUIET)
    then_look(then_show(moved.then).then)
    renewed = on(view.new_split.click, handlers.new_split, named(view, "seed"), named(view, "note"), view.message, **QUIET)
    then_look(then_show(renewed.then).then)
