"""View of step 2: the clip of the stage as the model gets it, and as other models transcribe it."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.markup import heading
from demo.wording import Wording


@dataclass(frozen=True)
class ListenView:
    """The components of step 2."""

    details: gr.Accordion
    spectrogram: gr.HTML
    try_all: gr.Button
    trials: gr.HTML
    message: gr.HTML


def build(w: Wording) -> ListenView:
    """Lays out step 2."""
    with gr.Column(elem_classes="step", elem_id="step-listen"):
        gr.HTML(heading(2, "listen", w))
        with gr.Accordion(w("listen.spectrogram"), open=False) as details:
            gr.HTML(f'<p class="fine">{w("listen.spectrogram_about")}</p>')
            spectrogram = gr.HTML(elem_id="spectrogram")
        with gr.Accordion(w("listen.which"), open=False):
            try_all = gr.Button(w("listen.try_all"), elem_id="try-all")
            trials = gr.HTML(elem_id="trials")
        message = gr.HTML(elem_classes="message")
    return ListenView(details, spectrogram, try_all, trials, message)
