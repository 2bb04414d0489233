"""The third card of the stage: one button, and how far it is. Nowhere else on the page is a fine-tune's progress shown."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.markup import card_heading, note
from demo.wording import Wording

POLL_SECONDS = 1.0


@dataclass(frozen=True)
class FlipView:
    """The components of the card.

    Attributes:
        seen: the state of the runs that was last shown.
        finished: ids of the runs that are done.
    """

    forecast: gr.HTML
    start: gr.Button
    stop: gr.Button
    progress: gr.HTML
    message: gr.HTML
    timer: gr.Timer
    seen: gr.Textbox
    finished: gr.Textbox


def build(w: Wording) -> FlipView:
    """Lays out the card."""
    with gr.Column(elem_classes="stage-card", elem_id="stage-flip"):
        gr.HTML(card_heading("flip", w))
        start = gr.Button(w("adapt.start"), variant="primary", size="lg", elem_id="start")
        forecast = gr.HTML(elem_id="forecast")
        message = gr.HTML(elem_classes="message")
        progress = gr.HTML(note(w("adapt.idle")), elem_id="progress")
        stop = gr.Button(w("adapt.stop"), interactive=False, size="sm", elem_id="stop")
        timer = gr.Timer(POLL_SECONDS, active=False)
        seen = gr.Textbox(visible="hidden")
        finished = gr.Textbox(visible="hidden")
    return FlipView(forecast, start, stop, progress, message, timer, seen, finished)
