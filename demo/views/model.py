"""Step 1: the base."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.models.catalogue import CATALOGUE
from demo.presenters import heading, note
from demo.wording import Wording


@dataclass(frozen=True)
class ModelView:
    """The components of step 1."""

    choice: gr.Dropdown
    use: gr.Button
    status: gr.HTML
    message: gr.HTML


def build(w: Wording) -> ModelView:
    """Lays out step 1."""
    default = CATALOGUE[0].id
    with gr.Column(elem_classes="step", elem_id="step-model"):
        gr.HTML(heading(1, "model", w))
        with gr.Row(elem_classes="field-and-button"):
            choice = gr.Dropdown(
                [entry.id for entry in CATALOGUE],
                value=default,
                label=w("model.choose"),
                allow_custom_value=True,
                filterable=True,
                scale=4,
            )
            use = gr.Button(w("model.use"), scale=0, min_width=180, elem_id="use-model")
        status = gr.HTML(note(w("model.bundled", id=default)), elem_id="model-status")
        message = gr.HTML(elem_classes="message")
    return ModelView(choice, use, status, message)
