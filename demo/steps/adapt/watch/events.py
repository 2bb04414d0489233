"""Event wiring of the panel with a slider over a fine-tune's evaluations. No logic."""

from __future__ import annotations

import gradio as gr

from demo.steps.adapt.watch.handlers import WatchHandlers
from demo.steps.adapt.watch.view import WatchView
from demo.steps.wiring import AT_ONCE, QUIET, On, named


def wire(on: On, view: WatchView, seen: gr.Textbox, handlers: WatchHandlers) -> None:
    """Wires the panel.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        seen: changes whenever the run has new events.
        handlers: the panel's handlers.
    """
    on(seen.change, handlers.look, named(view, "moment", "followed"), named(view), None, **QUIET, queue=False)
    moment = named(view, "about", "charts", "transcripts", "drift")
    on(view.moment.input, handlers.at, named(view, "moment"), moment, None, **AT_ONCE)
