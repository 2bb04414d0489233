"""Event wiring of step 6. No logic."""

from __future__ import annotations

import gradio as gr

from demo.steps.take_home.handlers import TakeHomeHandlers
from demo.steps.take_home.view import TakeHomeView
from demo.steps.wiring import QUIET, On, named
from demo.wording import Wording


def wire(on: On, w: Wording, finished: gr.Textbox, six: TakeHomeView) -> None:
    """Wires step 6.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        w: the page's language.
        finished: holds the id of the run that just finished.
        six: the components.
    """
    on(finished.change, TakeHomeHandlers(w).show, {}, named(six), None, **QUIET)
