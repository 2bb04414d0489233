"""Event wiring of step 2."""

from __future__ import annotations

from functools import partial

import gradio as gr

from demo.steps.listen.handlers import ListenHandlers
from demo.steps.listen.view import ListenView
from demo.steps.wiring import QUIET, WAITS, On, Part, named


def wire(on: On, view: ListenView, handlers: ListenHandlers, text: gr.Textbox, own: Part) -> Part:
    """Wires the step.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        handlers: the step's handlers.
        text: the text box of step 3 where the transcript is corrected.
        own: shows the visitor's own clips.

    Returns:
        The part that restores the step when the page is loaded.
    """
    transcribed = {**named(view, "transcript"), "text": text}
    upload = {"upload": view.audio}
    came = partial(gr.on, [view.audio.stop_recording, view.audio.upload])
    heard = on(came, handlers.working, upload, named(view, "transcript"), None, **QUIET)
    heard = on(heard.then, handlers.hear, upload, transcribed, view.message, blank=True, **WAITS)
    on(heard.then, own.show, own.inputs, own.outputs, None, **QUIET)
    tried = on(view.try_all.click, handlers.trying, {}, named(view, "trials"), view.message, **QUIET)
    on(tried.then, handlers.try_all, {}, named(view, "trials"), view.message, blank=True, **WAITS)
    on(view.details.expand, handlers.spectrogram, {}, named(view, "spectrogram"), view.message)
    return Part(transcribed, handlers.restore)
