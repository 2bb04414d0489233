"""Event wiring of step 2, and of the card of the stage where its clip is recorded."""

from __future__ import annotations

from functools import partial

import gradio as gr

from demo.steps.listen.handlers import ListenHandlers
from demo.steps.listen.view import ListenView
from demo.steps.stage.say import SayView
from demo.steps.wiring import QUIET, WAITS, On, Part, named


def wire(on: On, say: SayView, view: ListenView, handlers: ListenHandlers, own: Part, again: Part, states: Part) -> Part:
    """Wires the step.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        say: the card of the stage.
        view: the components.
        handlers: the step's handlers.
        own: shows the visitor's own clips.
        again: offers to transcribe the clip with both models.
        states: shows how far each step is.

    Returns:
        The part that restores the step when the page is loaded.
    """
    transcribed, said = named(say, "transcript", "correction", "text", "added"), named(say, "spoken")
    upload = named(say, "audio")
    came = partial(gr.on, [say.audio.stop_recording, say.audio.upload])
    heard = on(came, handlers.working, upload, {**transcribed, **said}, None, **QUIET)
    heard = on(heard.then, handlers.hear, upload, transcribed, say.message, blank=("transcript",), **WAITS)
    on(heard.then, own.show, own.inputs, own.outputs, None, **QUIET)
    for part in (again, states):
        on(heard.then, part.show, part.inputs, part.outputs, None, **QUIET)
    on(heard.then, handlers.identify, {}, said, None, **WAITS)
    cleared = on(say.audio.clear, handlers.clear, {}, {**transcribed, **said}, say.message, **QUIET)
    for part in (own, again, states):
        on(cleared.then, part.show, part.inputs, part.outputs, None, **QUIET)
    tried = on(view.try_all.click, handlers.trying, {}, named(view, "trials"), view.message, **QUIET)
    on(tried.then, handlers.try_all, {}, named(view, "trials"), view.message, blank=True, **WAITS)
    on(view.details.expand, handlers.spectrogram, {}, named(view, "spectrogram"), view.message)
    return Part({**transcribed, **said}, handlers.restore)
