"""Event wiring of step 6. No logic."""

from __future__ import annotations

from functools import partial

import gradio as gr

from demo.background.model_pool import ModelPool
from demo.steps.take_home.handlers import TakeHomeHandlers
from demo.steps.take_home.view import TakeHomeView
from demo.steps.wiring import QUIET, WAITS, On, named
from demo.wording import Wording


def wire(on: On, w: Wording, finished: gr.Textbox, six: TakeHomeView, pool: ModelPool) -> None:
    """Wires step 6.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        finished: holds the id of the run that just finished.
        six: the components.
        pool: models in memory.
    """
    handlers = TakeHomeHandlers(w, pool)
    shown = named(six, "trial", "written", "naming", "name", "name_note", "download", "report")
    on(finished.change, handlers.show, {}, shown, None, **QUIET)
    came = partial(gr.on, [six.sound.stop_recording, six.sound.upload])
    upload = {"upload": six.sound}
    begun = on(came, handlers.trying, upload, named(six, "written"), None, **QUIET)
    on(begun.then, handlers.try_here, upload, named(six, "written"), six.trial_message, blank=True, **WAITS)
    said = partial(gr.on, [six.rename.click, six.name.submit])
    on(said, handlers.rename, named(six, "name"), named(six, "name", "name_note"), six.name_message, **QUIET)
