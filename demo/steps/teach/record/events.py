"""Step 3, prompted recording: events and their handlers."""

from __future__ import annotations

from collections.abc import Callable

import gradio as gr

from demo.steps.teach.record import view as script
from demo.steps.teach.record.handlers import RecordHandlers
from demo.steps.teach.record.view import RecordView
from demo.steps.wiring import EMPTIED, QUIET, On, Part, Then, named
from demo.wording import Wording

OFTEN = {**QUIET, "trigger_mode": "multiple"}  # a second recording may come while the base still transcribes the first
HEARS = {**OFTEN, "concurrency_limit": None}  # spends most of its time in the queue for computation


def wire(on: On, w: Wording, view: RecordView, handlers: RecordHandlers, language: gr.Dropdown, own: Part) -> Then:
    """Connects the panel's events to their handlers.

    Args:
        on: connects one event, see `demo.steps.wiring`.
        w: the wording of the page's language.
        view: the components.
        handlers: the event handlers.
        language: the language of the visitor's own clips.
        own: the part that shows those clips.

    Returns:
        A function that connects the restoring of the panel to an event of the page, such as its loading.
    """
    panel = named(view, "shown", "prompt", "place", "take", "heard", "record", "keep", "previous", "next", "aim")
    here = {"prompt": view.shown}

    def then_hear(received: Callable, prompt: gr.Textbox) -> None:
        shown = on(received, handlers.shown, {}, panel, None, **OFTEN)
        shown.then(None, None, [view.audio], js=EMPTIED)
        spoken = {"prompt": prompt, "language": language}
        on(shown.then, handlers.hear, spoken, named(view, "heard"), view.unheard, blank=True, **HEARS)
        on(shown.then, own.show, own.inputs, own.outputs, None, **OFTEN)

    view.audio.start_recording(None, [view.shown], [view.record, view.being_read], js=script.on_start(w))
    spoken = {"prompt": view.being_read, "upload": view.audio}
    received = on(view.audio.stop_recording, handlers.receive, spoken, {}, view.message, js=script.ON_STOP, **OFTEN)
    then_hear(received.then, view.being_read)
    received = on(view.upload.upload, handlers.receive, {**here, "upload": view.upload}, {}, view.message, **OFTEN)
    then_hear(received.then, view.shown)
    said, language_too = {**here, "language": language}, {"language": language, **panel}
    kept = on(view.keep.click, handlers.keep, said, language_too, view.message, **QUIET)
    on(kept.then, own.show, own.inputs, own.outputs, None, **QUIET)
    on(view.previous.click, handlers.previous, here, panel, view.message, **OFTEN)
    on(view.next.click, handlers.next, here, panel, view.message, **OFTEN)
    on(view.list.input, handlers.choose, {"name": view.list}, panel, view.message, **QUIET)
    pasted = {"text": view.own, "language": language}
    on(view.use_own.click, handlers.use_own, pasted, {**named(view, "list"), **panel}, view.message, **QUIET)

    def restore(loaded: Callable) -> None:
        whole = {**named(view, "panel", "list", "own"), **panel}
        restored = on(loaded, handlers.restore, {}, whole, view.message, **QUIET)
        # The page may have been left while the base was still transcribing.
        on(restored.then, handlers.hear, said, named(view, "heard"), view.unheard, blank=True, **HEARS)

    return restore
