"""Step 3, one's own words: events and their handlers."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from core.text.carriers import KINDS
from demo.steps.teach.record.words.handlers import WordsHandlers
from demo.steps.teach.record.words.view import GO_TO_PROMPT, WordsView
from demo.steps.wiring import QUIET, On, Part, Then, named


def wire(on: On, view: WordsView, handlers: WordsHandlers, lists: gr.Dropdown, language: gr.Dropdown, reading: Part) -> Then:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the event handlers.
        lists: the choice of the list to read.
        language: the language of the visitor's own clips.
        reading: the part that shows the sentence to read.

    Returns:
        A function that connects the restoring of the panel to an event of the page, such as its loading.
    """
    boxes = {**dict(zip(KINDS, view.kinds, strict=True)), "spoken": view.language}
    sides = named(view, "exam", "lessons")
    written = {**named(view, "sentences", "faults"), **sides}
    on(view.write.click, handlers.write, boxes, written, view.message, **QUIET)
    chosen = {**named(view, "faults"), "list": lists, "language": language}
    used = on(view.use.click, handlers.use, sides, chosen, view.message, **QUIET)
    shown = on(used.then, reading.show, reading.inputs, reading.outputs, None, **QUIET)
    shown.then(None, js=GO_TO_PROMPT)

    def restore(loaded: Callable) -> None:
        on(loaded, handlers.restore, {}, {**boxes, **named(view, "sentences"), **sides}, view.message, **QUIET)

    return restore
