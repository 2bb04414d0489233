"""A panel for a long job: description, estimated time, start, stop, progress and result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.show.markup import fine
from demo.wording import Wording

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class JobView:
    """The components of a job panel."""

    panel: gr.Accordion
    forecast: gr.HTML
    start: gr.Button
    stop: gr.Button
    message: gr.HTML
    progress: gr.HTML
    result: gr.HTML
    timer: gr.Timer
    seen: gr.Textbox


def build(name: str, w: Wording, visible: bool = True) -> JobView:
    """Lays out the panel, collapsed.

    Args:
        name: prefix of its keys in the wording and of its element ids.
        w: the wording.
        visible: whether it is visible from the start.
    """
    with gr.Accordion(w(f"{name}.title"), open=False, visible=visible, elem_id=f"{name}-panel") as panel:
        gr.HTML(fine(w(f"{name}.about")))
        forecast = gr.HTML(elem_id=f"{name}-forecast")
        with gr.Row():
            start = gr.Button(w(f"{name}.start"), interactive=False, elem_id=f"{name}-start")
            stop = gr.Button(w("job.stop"), interactive=False, elem_id=f"{name}-stop")
        message = gr.HTML(elem_classes="message")
        progress = gr.HTML(elem_id=f"{name}-progress")
        result = gr.HTML(elem_id=f"{name}-result")
    timer = gr.Timer(POLL_SECONDS, active=False)
    seen = gr.Textbox(visible="hidden")
    return JobView(panel, forecast, start, stop, message, progress, result, timer, seen)


def buttons(active: bool, possible: bool = True) -> dict[str, Any]:
    """Returns values for a panel's `start`, `stop` and `timer`.

    Args:
        active: whether its job is waiting or running.
        possible: whether there is all that the job needs.
    """
    return {
        "start": gr.update(interactive=possible and not active),
        "stop": gr.update(interactive=active),
        "timer": gr.update(active=active),
    }
