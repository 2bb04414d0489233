"""Step 3, named sets: events and their handlers."""

from __future__ import annotations

from typing import Any

from demo.steps.teach.library.handlers import LibraryHandlers
from demo.steps.teach.library.view import LibraryView
from demo.steps.wiring import QUIET, Named, On, Then, named


def shown(view: LibraryView) -> Named:
    """Returns the components that depend on the chosen set and on the library's sets."""
    return {**named(view, "listed", "changing", "other", "empty", "link", "where"), **view.removed.outputs}


def wire(on: On, view: LibraryView, handlers: LibraryHandlers, then_show: Then, then_look: Then, then_propose: Then) -> None:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the event handlers.
        then_show: shows the chosen set after an event.
        then_look: shows the set's report after an event.
        then_propose: updates step 4 for the chosen set, after an event.
    """

    def then_follow(event: Any) -> None:
        shown = then_show(event.then)
        then_propose(shown.then)
        then_look(shown.then)

    name, gone = named(view, "name"), view.removed
    noted, renamed = named(view, "note"), named(view, "note", "name")
    then_show(view.panel.expand)
    for button, handler in ((view.save, handlers.save), (view.copy, handlers.copy)):
        then_follow(on(button.click, handler, name, renamed, view.message, **QUIET))
    then_show(on(view.rename.click, handlers.rename, name, renamed, view.message, **QUIET).then)
    then_follow(on(view.merge.click, handlers.merge, {**named(view, "other"), **name}, renamed, view.message, **QUIET))
    then_follow(on(view.delete.click, handlers.delete, {}, noted, view.message, **QUIET))
    then_follow(on(gone.restore.click, handlers.restore, {"id": gone.choice}, noted, view.message, **QUIET))
    then_show(on(gone.delete.click, handlers.delete_for_good, {"id": gone.choice}, noted, view.message, **QUIET).then)
    then_show(on(view.empty.click, handlers.empty, {}, noted, view.message, **QUIET).then)
    on(view.format.input, handlers.link, named(view, "format"), named(view, "link"), view.message, **QUIET)
