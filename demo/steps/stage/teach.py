"""The second card of the stage: the set to train on, and the way to sentences to read."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.data.samples import SAMPLES
from demo.show.markup import card_heading
from demo.wording import Wording


@dataclass(frozen=True)
class TeachCardView:
    """The components of the card."""

    choice: gr.Radio
    brief: gr.HTML
    read: gr.Button
    message: gr.HTML


def build(w: Wording) -> TeachCardView:
    """Lays out the card."""
    with gr.Column(elem_classes="stage-card", elem_id="stage-teach"):
        gr.HTML(card_heading("teach", w))
        choice = gr.Radio(
            [(w(f"set.{name}"), name) for name in (*SAMPLES, "own")], value=SAMPLES[0], label=w("teach.set"), elem_id="set"
        )
        brief = gr.HTML(elem_id="set-brief")
        read = gr.Button(w("stage.read"), elem_id="read")
        message = gr.HTML(elem_classes="message", elem_id="set-message")
    return TeachCardView(choice, brief, read, message)
