"""The first card of the stage: a clip, the base's transcript of it, and the box to correct that."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.markup import card_heading, no_microphone, note
from demo.steps.recorder import recorder
from demo.wording import Wording


@dataclass(frozen=True)
class SayView:
    """The components of the card. `correction` holds `text` and `add`, and is shown when there is a clip to correct."""

    audio: gr.Audio
    transcript: gr.HTML
    spoken: gr.HTML
    correction: gr.Column
    text: gr.Textbox
    add: gr.Button
    added: gr.HTML
    message: gr.HTML


def build(w: Wording) -> SayView:
    """Lays out the card."""
    with gr.Column(elem_classes="stage-card", elem_id="stage-say"):
        gr.HTML(card_heading("say", w))
        audio = recorder(w("listen.record"), ["microphone", "upload"], "clip")
        gr.HTML(no_microphone("clip", w), elem_classes="no-microphone")
        transcript = gr.HTML(note(w("listen.empty")), elem_id="heard")
        spoken = gr.HTML(elem_id="spoken-language")
        with gr.Column(visible=False, elem_id="correction") as correction:
            text = gr.Textbox(label=w("teach.correct"), lines=1, max_lines=3, elem_id="correct")
            add = gr.Button(w("teach.add"), elem_id="add-clip", size="sm")
        added = gr.HTML(elem_id="added")
        message = gr.HTML(elem_classes="message")
    return SayView(audio, transcript, spoken, correction, text, add, added, message)
