"""Step 3 as a whole, and the card of the stage with the chosen set: events of the set and of the visitor's own clips, and the
updates of all panels for another set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.steps.adapt.events import Adapting
from demo.steps.stage.teach import TeachCardView
from demo.steps.stage.view import StageView
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


def own_clips(card: TeachCardView, view: TeachView, handlers: TeachHandlers) -> Part:
    """Returns the part of the page that shows the visitor's own clips, and the chosen set."""
    return Part(
        {**named(card, "choice", "brief"), **named(view, "own", "removal", "card"), **view.removed.outputs}, handlers.own
    )


def then_languages(on: On, w: Wording, stage: StageView, view: TeachView, handlers: TeachHandlers, pool: ModelPool) -> Then:
    """Returns a function that takes an event that changed the model, and says after it whether the model writes the languages
    of the chosen set and of the sentences to read.
    """
    reading = RecordHandlers(w, pool)

    def then_say(event: Callable[..., Any]) -> None:
        described = {**named(stage.teach, "choice", "brief"), **named(view, "card")}
        on(event, handlers.chosen, {}, described, None, **QUIET)
        on(event, reading.progress, {}, named(stage.record, "place", "exam", "offers", "more"), None, **QUIET)

    return then_say


def wire(
    on: On,
    w: Wording,
    stage: StageView,
    view: TeachView,
    handlers: TeachHandlers,
    pool: ModelPool,
    tasks: Tasks,
    adapting: Adapting,
) -> tuple[Part, Then]:
    """Connects the events of the step and its panels to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        w: the wording of the page's language.
        stage: the components of the stage.
        view: the components of the step.
        handlers: the handlers of the step as a whole.
        pool: models kept in memory.
        tasks: the background tasks.
        adapting: updates step 4 for the chosen set, after an event.

    Returns:
        The part that fills the step when the page loads, and a function that connects the restoring of its panels to an
        event after that.
    """
    own = own_clips(stage.teach, view, handlers)
    sets = Part(named(stage.teach, "choice"), handlers.choices)
    reader = RecordHandlers(w, pool)
    restore_record = record.wire(on, w, stage.record, stage.place, reader, view.language, own, adapting)
    restore_proofread = proofread.wire(on, view.proofread, ProofreadHandlers(w, pool, tasks), own, sets, adapting.then_recipe)
    restore_sets = _wire_sets(on, w, stage.teach, view, handlers, pool, tasks, adapting.then_propose)
    _wire_own(on, stage, view, handlers, own, adapting.then_propose)
    described = {**named(stage.teach, "choice", "brief"), **named(view, "card")}
    reading = on(stage.teach.read.click, handlers.read, {}, described, stage.teach.message, **QUIET)
    adapting.then_recipe(reading.then)

    def restore(loaded: Callable[..., Any]) -> None:
        restore_record(loaded)
        restore_proofread(loaded)
        on(loaded, restore_sets.show, restore_sets.inputs, restore_sets.outputs, None, **QUIET)

    return Part({**named(view, "language"), **own.outputs}, handlers.restore), restore


def _wire_own(on: On, stage: StageView, view: TeachView, handlers: TeachHandlers, own: Part, then_propose: Then) -> None:
    """Connects the buttons that add, remove, restore and delete the visitor's own clips."""
    say, cards = stage.say, {**named(stage.teach, "brief"), **named(view, "card")}
    said, added = {**named(say, "text"), **named(view, "language")}, {**named(say, "added"), **own.outputs}
    outputs, gone = {**named(view, "removed_note"), **own.outputs}, view.removed
    for event in (say.add.click, say.text.submit):
        then_propose(on(event, handlers.add, said, added, say.message, **QUIET).then)
    for button, handler, choice in (
        (view.remove, handlers.remove, view.removal),
        (gone.restore, handlers.restore_clip, gone.choice),
        (gone.delete, handlers.delete, gone.choice),
    ):
        then_propose(on(button.click, handler, {"id": choice}, outputs, view.message, **QUIET).then)
    on(view.language.input, handlers.choose_language, named(view, "language"), cards, view.message, **QUIET)


def _wire_sets(
    on: On,
    w: Wording,
    card: TeachCardView,
    view: TeachView,
    handlers: TeachHandlers,
    pool: ModelPool,
    tasks: Tasks,
    then_propose: Then,
) -> Part:
    """Connects the choice of a set and the panels about the chosen set; returns the part that restores those panels."""
    bringing, looking = BringHandlers(w, tasks), InspectHandlers(w, pool, tasks, len(view.inspect.places))
    splitting, writing, keeping = SplitHandlers(w), WriteHandlers(w), LibraryHandlers(w)
    chosen_set = combined(
        "show",
        teach=Part({**named(card, "choice", "brief"), **named(view, "card")}, handlers.chosen),
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

    described = {**named(card, "brief"), **named(view, "card")}
    chosen = on(card.choice.input, handlers.choose, {"name": card.choice}, described, card.message, **QUIET)
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
