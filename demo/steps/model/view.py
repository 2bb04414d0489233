"""View of step 1: choosing the base."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.models.catalogue import CATALOGUE
from demo.show.languages import first_model
from demo.show.markup import heading, note
from demo.steps.model.show import model_choices
from demo.wording import Wording

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class ModelView:
    """The components of step 1."""

    choice: gr.Dropdown
    use: gr.Button
    about: gr.HTML
    status: gr.HTML
    stop: gr.Button
    timer: gr.Timer
    fetched: gr.Textbox
    message: gr.HTML


def build(w: Wording) -> ModelView:
    """Lays out step 1."""
    default = first_model(w.language)
    with gr.Column(elem_classes="step", elem_id="step-model"):
        gr.HTML(heading(1, "model", w))
        with gr.Row(elem_classes="field-and-button"):
            choice = gr.Dropdown(
                model_choices(w),
                value=default,
                label=w("model.choose"),
                allow_custom_value=True,
                filterable=True,
                scale=4,
            )
            use = gr.Button(w("model.use"), scale=0, min_width=180, elem_id="use-model")
        about = gr.HTML(elem_id="model-about")
        said = w("model.bundled" if default == CATALOGUE[0].id else "model.chosen", id=default)
        status = gr.HTML(note(said), elem_id="model-status")
        stop = gr.Button(w("model.stop"), visible=False, elem_id="stop-fetch")
        timer = gr.Timer(POLL_SECONDS, active=False)
        fetched = gr.Textbox(visible="hidden")
        message = gr.HTML(elem_classes="message")
    return ModelView(choice, use, about, status, stop, timer, fetched, message)
