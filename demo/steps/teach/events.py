"""Step 3 as a whole: events of the chosen set and of the visitor's own clips, and the updates of all panels for another set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.steps.teach.bring import events as bring
from demo.steps.teach.bring.handlers import BringHandlers
from demo.steps.teach.handlers import TeachHandlers
from demo.steps.teach.inspect import events as inspect
from demo.steps.teach.inspect.handlers import InspectHandlers
from demo.steps.teach.library import events as library
from demo.steps.teach.library.handlers import LibraryHandlers
from demo.steps.teach.proofread import events as proofread
from demo.steps.teach.proofread.handlers import ProofreadHandlers
from demo.steps.teach.record import events as record
from demo.steps.teach.record.handlers import RecordHandlers
from demo.steps.teach.split import events as split
from demo.steps.teach.split.handlers import SplitHandlers
from demo.steps.teach.view import TeachView
from demo.steps.teach.write import events as write
from demo.steps.teach.write.handlers import WriteHandlers
from demo.steps.wiring import QUIET, On, Part, Then, combined, named
from demo.wording import Wording


def own_clips(view: TeachView, handlers: TeachHandlers) -> Part:
    """Returns the part of the page that shows the visitor's own clips."""
    return Part({**named(view, "own", "removal", "card"), **view.removed.outputs}, handlers.own)


def wire(
    on: On, w: Wording, view: TeachView, handlers: TeachHandlers, pool: ModelPool, tasks: Tasks, then_propose: Then
) -> tuple[Part, Then]:
    """Connects the events of the step and its panels to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        w: the wording of the page's language.
        view: the components.
        handlers: the handlers of the step as a whole.
        pool: models kept in memory.
        tasks: the background tasks.
        then_propose: updates step 4 for the chosen set, after an event.

    Returns:
        The part that fills the step when the page loads, and a function that connects the restoring of its panels to an
        event after that.
    """
    own = own_clips(view, handlers)
    sets = Part(named(view, "choice"), handlers.choices)
    restore_record = record.wire(on, w, view.record, RecordHandlers(w, pool), view.language, own)
    restore_proofread = proofread.wire(on, view.proofread, ProofreadHandlers(w, pool, tasks), own, sets)
    restore_sets = _wire_sets(on, w, view, handlers, pool, tasks, then_propose)
    _wire_own(on, view, handlers, own)

    def restore(loaded: Callable[..., Any]) -> None:
        restore_record(loaded)
        restore_proofread(loaded)
        on(loaded, restore_sets.show, restore_sets.inputs, restore_sets.outputs, None, **QUIET)

    return Part({**named(view, "choice", "language"), **own.outputs}, handlers.restore), restore


def _wire_own(on: On, view: TeachView, handlers: TeachHandlers, own: Part) -> None:
    """Connects the buttons that add, remove, restore and delete the visitor's own clips."""
    said, added = named(view, "text", "language"), {**named(view, "added"), **own.outputs}
    outputs, gone = {**named(view, "removed_note"), **own.outputs}, view.removed
    for event in (view.add.click, view.text.submit):
        on(event, handlers.add, said, added, view.message, **QUIET)
    on(view.remove.click, handlers.remove, {"id": view.removal}, outputs, view.message, **QUIET)
    on(gone.restore.click, handlers.restore_clip, {"id": gone.choice}, outputs, view.message, **QUIET)
    on(gone.delete.click, handlers.delete, {"id": gone.choice}, outputs, view.message, **QUIET)
    on(view.language.input, handlers.choose_language, named(view, "language"), named(view, "card"), view.message, **QUIET)


def _wire_sets(
    on: On, w: Wording, view: TeachView, handlers: TeachHandlers, pool: ModelPool, tasks: Tasks, then_propose: Then
) -> Part:
    """Connects the choice of a set and the panels about the chosen set; returns the part that restores those panels."""
    bringing, looking = BringHandlers(w, tasks), InspectHandlers(w, pool, tasks, len(view.inspect.places))
    splitting, writing, keeping = SplitHandlers(w), WriteHandlers(w), LibraryHandlers(w)
    chosen_set = combined(
        "show",
        teach=Part(named(view, "choice", "card"), handlers.chosen),
        bring=Part(named(view.bring, "result"), bringing.result),
        inspect=Part(named(view.inspect, "undo", "back", "delete"), looking.buttons),
        split=Part(named(view.split, "table", "editing", "who", "seed"), splitting.show),
        write=Part({**view.write.fields, **named(view.write, "store", "preview")}, writing.show),
        library=Part(library.shown(view.library), keeping.show, named(view.library, "format")),
    )

    def then_show(event: Callable[..., Any]) -> Any:
        return on(event, chosen_set.show, chosen_set.inputs, chosen_set.outputs, None, **QUIET)

    def then_look(event: Callable[..., Any]) -> Any:
        return on(event, looking.look, {}, inspect.watched(view.inspect), None, **QUIET)

    chosen = on(view.choice.input, handlers.choose, {"name": view.choice}, named(view, "card"), view.message, **QUIET)
    then_propose(chosen.then)
    then_look(then_show(chosen.then).then)  # clears the report of the previous set
    split.wire(on, view.split, splitting, then_show, then_look)
    write.wire(on, view.write, writing, then_show, then_look)
    library.wire(on, view.library, keeping, then_show, then_look, then_propose)
    return combined(
        "load",
        bring=bring.wire(on, view.bring, bringing, then_show, then_look, then_propose),
        inspect=inspect.wire(on, view.inspect, looking, then_show),
    )
