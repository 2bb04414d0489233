"""Step 3, proofreading: events and their handlers."""

from __future__ import annotations

from demo.steps.names import numbered
from demo.steps.teach.proofread.handlers import ProofreadHandlers
from demo.steps.teach.proofread.view import ProofreadView, RowView, with_place
from demo.steps.wiring import EMPTIED, QUIET, Named, On, Part, Then, named


def wire(on: On, view: ProofreadView, handlers: ProofreadHandlers, own: Part, sets: Part, then_recipe: Then) -> Then:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the event handlers.
        own: the part that shows the visitor's own clips.
        sets: the part that lists the sets to train on.
        then_recipe: updates the recipe for the chosen set, after an event.

    Returns:
        A function that connects the restoring of the panel to an event of the page, such as its loading.
    """
    where = named(view, "order", "page")
    running = named(view, "loading", "status", "stop", "go_on", "timer")
    rows = numbered("row", (named(row, "frame", "key", "about", "text") for row in view.rows))
    sheet = {**running, **named(view, "earlier", "work", "summary", "back", "forward", "page"), **rows}
    watched = {**running, **named(view, "finished")}
    for event in (view.sound.upload, view.sound.stop_recording):
        received = on(event, handlers.receive, {"upload": view.sound}, {}, view.message, **QUIET)
        received.then(None, None, [view.sound], js=EMPTIED)
        on(received.then, handlers.shown, where, sheet, None, **QUIET)
    on(view.timer.tick, handlers.look, {}, watched, None, **QUIET, queue=False)
    on(view.finished.change, handlers.shown, where, sheet, None, **QUIET)
    on(view.stop.click, handlers.stop, {}, watched, view.message, **QUIET)
    on(view.go_on.click, handlers.go_on, where, sheet, view.message, **QUIET)
    on(view.order.input, handlers.shown, where, sheet, view.message, **QUIET)
    on(view.back.click, handlers.back, where, sheet, view.message, **QUIET)
    on(view.forward.click, handlers.forward, where, sheet, view.message, **QUIET)
    for number, row in enumerate(view.rows):
        _wire_row(on, number, row, view, handlers, sheet)
    outputs = {**named(view, "kept"), **sheet}
    kept = on(view.keep.click, handlers.keep, where, outputs, view.message, **QUIET)
    then_recipe(on(kept.then, own.show, own.inputs, own.outputs, None, **QUIET).then)
    kept = on(view.keep_as_set.click, handlers.keep_as_set, {**named(view, "name"), **where}, outputs, view.message, **QUIET)
    then_recipe(on(kept.then, sets.show, sets.inputs, sets.outputs, None, **QUIET).then)
    on(view.put_aside.click, handlers.put_aside, named(view, "order"), sheet, view.message, **QUIET)
    taken_up = {"id": view.earlier, **named(view, "order")}
    on(view.earlier.input, handlers.take_up, taken_up, sheet, view.message, **QUIET)
    return lambda loaded: on(loaded, handlers.restore, {}, {**named(view, "panel"), **sheet}, view.message, **QUIET)


def _wire_row(on: On, number: int, row: RowView, view: ProofreadView, handlers: ProofreadHandlers, sheet: Named) -> None:
    where = named(view, "order", "page")
    typed = named(row, "key", "text")
    for event in (row.text.input, row.text.blur):  # Gradio sends no input event for pasted or dictated text
        on(event, handlers.type, typed, {}, view.message, **QUIET, trigger_mode="always_last")
    for event in (row.accept.click, row.text.submit):
        on(event, handlers.accept, {**typed, **where}, sheet, view.message, **QUIET)
    placed = {**typed, "seconds": row.at, **where}
    on(row.split.click, handlers.split, placed, sheet, view.message, js=with_place(number, placed), **QUIET)
    on(row.merge.click, handlers.merge, {**typed, **where}, sheet, view.message, **QUIET)
    on(row.delete.click, handlers.delete, {**named(row, "key"), **where}, sheet, view.message, **QUIET)
