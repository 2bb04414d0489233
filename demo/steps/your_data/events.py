"""Event wiring of the end of the page."""

from __future__ import annotations

import gradio as gr

from demo.steps.wiring import QUIET, On, named
from demo.steps.your_data.handlers import YourDataHandlers
from demo.steps.your_data.view import FORGET, YourDataView


def wire(on: On, view: YourDataView, handlers: YourDataHandlers, finished: gr.Textbox) -> None:
    """Wires the end of the page.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        handlers: those of the end of the page.
        finished: holds the id of the run that just finished.
    """
    shown = {**named(view, "choice"), **view.removed.outputs}
    outputs = {**named(view, "note"), **shown}
    gone = view.removed
    for event in (view.panel.expand, finished.change):
        on(event, handlers.show, {}, shown, None, **QUIET)
    on(view.remove.click, handlers.remove, {"key": view.choice}, outputs, view.message, **QUIET)
    on(gone.restore.click, handlers.restore, {"key": gone.choice}, outputs, view.message, **QUIET)
    on(gone.delete.click, handlers.delete, {"key": gone.choice}, outputs, view.message, **QUIET)
    on(view.forget.click, handlers.asking, {}, named(view, "confirm"), None, **QUIET)
    on(view.keep.click, handlers.keeping, {}, named(view, "confirm"), None, **QUIET)
    view.forget_all.click(None, js=FORGET)
