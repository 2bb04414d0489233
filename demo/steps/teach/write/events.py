"""Step 3, how the transcripts of a set are written: events and their handlers."""

from __future__ import annotations

from demo.steps.teach.write.handlers import WriteHandlers
from demo.steps.teach.write.view import WriteView
from demo.steps.wiring import QUIET, On, Then, named


def wire(on: On, view: WriteView, handlers: WriteHandlers, then_show: Then, then_look: Then) -> None:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the event handlers.
        then_show: shows the chosen set after an event.
        then_look: shows the set's report after an event.
    """
    then_show(view.panel.expand)
    for field in view.fields.values():
        on(field.input, handlers.preview, view.fields, named(view, "preview"), view.message, **QUIET)
    proposed = {**view.fields, **named(view, "preview")}
    on(view.propose.click, handlers.propose, {}, proposed, view.message, **QUIET)
    stored = on(view.store.click, handlers.store, view.fields, named(view, "note"), view.message, **QUIET)
    then_look(then_show(stored.then).then)
