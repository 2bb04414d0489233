"""Wires the parts of step 3 that are about a whole set: bringing, looking, splitting, writing, keeping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.session.session import Session
from demo.steps.teach.bring.handlers import BringHandlers
from demo.steps.teach.handlers import TeachHandlers
from demo.steps.teach.inspect.handlers import InspectHandlers
from demo.steps.teach.library.handlers import LibraryHandlers
from demo.steps.teach.split.handlers import SplitHandlers
from demo.steps.teach.view import TeachView
from demo.steps.teach.write.handlers import WriteHandlers
from demo.steps.wiring import QUIET, On
from demo.wording import Wording


def wire(
    on: On,
    w: Wording,
    three: TeachView,
    teaching: TeachHandlers,
    pool: ModelPool,
    tasks: Tasks,
    chosen: Callable[..., Any],
    then_adapt: Callable[[Callable[..., Any]], None],
) -> Callable[[Callable[..., Any]], None]:
    """Wires them.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the words.
        three: the components.
        teaching: the handlers of the step that hold the choice of a set.
        pool: models that are warm.
        tasks: what goes on in the background.
        chosen: the event after a set was chosen by hand.
        then_adapt: given an event after which another set is chosen, lets step 4 follow.

    Returns:
        What, given an event after the page was loaded, shows what is going on in the background.
    """
    bring, look, split = three.sets.bring, three.sets.inspect, three.sets.split
    write, library = three.sets.write, three.sets.library
    bringing, splitting, writing, keeping = BringHandlers(w, tasks), SplitHandlers(w), WriteHandlers(w), LibraryHandlers(w)
    looking = InspectHandlers(w, pool, tasks, len(look.places))

    places = [part for place in look.places for part in (place.row, place.about, place.repair)]
    looked = [look.progress, look.stop, look.timer, look.summary, *places, look.rest]
    brought = [
        bring.progress, bring.stop, bring.timer, bring.question, bring.asked, bring.sound, bring.text, bring.speaker,
        bring.tier, bring.arrived,
    ]  # fmt: skip
    wording = [*write.fields, write.store, write.preview]
    splits = [split.table, split.editing, split.who, split.seed]
    kept = [
        library.listed, library.changing, library.other, *library.removed.parts, library.empty, library.link, library.where,
    ]  # fmt: skip
    panels = [three.choice, three.card, bring.result, look.undo, look.back, look.delete, *splits, *wording, *kept]

    def show(session: Session, format: str) -> tuple:
        """Format of the download -> everything that depends on the chosen set."""
        return (
            *teaching.choices(session),
            teaching.card(session),
            *bringing.result(session),
            *looking.buttons(session),
            *splitting.show(session),
            *writing.show(session),
            *keeping.show(session, format),
        )

    def then_show(event: Any, adapt: bool = False) -> Any:
        shown = on(event.then, show, [library.format], panels, None, **QUIET)
        if adapt:
            then_adapt(shown.then)
        return shown

    def then_look(event: Any) -> None:
        on(event.then, looking.look, [], looked, None, **QUIET)

    # Another set is chosen: what was said about the last one goes.
    then_look(then_show(chosen))
    for panel in (split.panel, write.panel, library.panel):
        on(panel.expand, show, [library.format], panels, None, **QUIET)

    given = [bring.name, bring.language]
    # No event that may fail has the files among its outputs: gradio makes a component anew that it is told to leave as it
    # is, and the new one would not know the files' own names.
    begun = on(bring.start.click, bringing.begin, [bring.files, *given], brought, bring.message, **QUIET)
    on(begun.then, bringing.emptied, [], [bring.files], None, **QUIET)
    on(bring.fetch.click, bringing.fetch, [bring.dataset, bring.rows, *given], brought, bring.message, **QUIET)
    answers = [bring.sound, bring.text, bring.speaker, bring.tier]
    on(bring.answer.click, bringing.answer, answers, brought, bring.message, **QUIET)
    on(bring.stop.click, bringing.stop, [], [bring.progress], None, **QUIET)
    on(bring.timer.tick, bringing.look, [], brought, None, **QUIET, queue=False)
    arrived = on(bring.arrived.change, show, [library.format], panels, None, **QUIET)
    then_adapt(arrived.then)
    then_look(arrived)

    on(look.look.click, looking.begin, [look.closed], looked, look.message, **QUIET)
    on(look.ask.click, looking.ask, [look.closed], looked, look.message, **QUIET)
    on(look.stop.click, looking.stop, [], [look.progress], None, **QUIET)
    on(look.timer.tick, looking.look, [], looked, None, **QUIET, queue=False)
    changed = [look.told, *looked]
    for number, place in enumerate(look.places):
        then_show(on(place.repair.click, _of_place(looking, number), [look.closed], changed, look.message, **QUIET))
    then_show(on(look.undo.click, looking.undo, [look.closed], changed, look.message, **QUIET))
    then_show(on(look.back.click, looking.back, [look.closed], changed, look.message, **QUIET))

    then_show(on(look.delete.click, looking.delete, [look.closed], changed, look.message, **QUIET))

    then_look(then_show(on(split.move.click, splitting.move, [split.who, split.part], [split.note], split.message, **QUIET)))
    then_look(then_show(on(split.anew.click, splitting.anew, [split.seed], [split.note], split.message, **QUIET)))

    for component in write.fields:
        on(component.input, writing.preview, write.fields, [write.preview], write.message, **QUIET)
    on(write.propose.click, writing.propose, [], [*write.fields, write.preview], write.message, **QUIET)
    then_look(then_show(on(write.store.click, writing.store, write.fields, [write.note], write.message, **QUIET)))

    named = [library.note, library.name]
    for button, handler in ((library.save, keeping.save), (library.copy, keeping.copy)):
        then_look(then_show(on(button.click, handler, [library.name], named, library.message, **QUIET), adapt=True))
    then_show(on(library.rename.click, keeping.rename, [library.name], named, library.message, **QUIET))
    merged = on(library.merge.click, keeping.merge, [library.other, library.name], named, library.message, **QUIET)
    then_look(then_show(merged, adapt=True))
    deleted = on(library.delete.click, keeping.delete, [], [library.note], library.message, **QUIET)
    then_look(then_show(deleted, adapt=True))
    gone, note = library.removed, [library.note]
    restored = on(gone.restore.click, keeping.restore, [gone.choice], note, library.message, **QUIET)
    then_look(then_show(restored, adapt=True))
    then_show(on(gone.delete.click, keeping.delete_for_good, [gone.choice], note, library.message, **QUIET))
    then_show(on(library.empty.click, keeping.empty, [], note, library.message, **QUIET))
    on(library.format.input, keeping.link, [library.format], [library.link], library.message, **QUIET)

    def restore(event: Callable[..., Any]) -> None:
        def load(session: Session) -> tuple:
            return *bringing.restore(session), *bringing.result(session), *looking.look(session), *looking.buttons(session)

        on(event, load, [], [bring.panel, *brought, bring.result, *looked, look.undo, look.back, look.delete], None, **QUIET)

    return restore


def _of_place(looking: InspectHandlers, number: int) -> Callable[..., tuple]:
    def repair(session: Session, closed: bool) -> tuple:
        return looking.repair(session, number, closed)

    return repair
