"""Step 3: how the transcripts of a set are written."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.text.normalisation import CHOICES
from demo.wording import Wording


@dataclass(frozen=True)
class WriteView:
    """The components of the panel; the keys of `fields` are the names in `core.text.normalisation.CHOICES`."""

    panel: gr.Accordion
    fields: dict[str, gr.components.Component]
    propose: gr.Button
    store: gr.Button
    preview: gr.HTML
    note: gr.HTML
    message: gr.HTML


def build(w: Wording) -> WriteView:
    """Lays out the panel."""
    with gr.Accordion(w("write.title"), open=False, elem_id="write") as panel:
        gr.HTML(f'<p class="fine">{w("write.about")}</p>')
        fields: dict[str, gr.components.Component] = {}
        with gr.Row():
            for name, allowed in CHOICES.items():
                if allowed == (False, True):
                    fields[name] = gr.Checkbox(False, label=w(f"write.{name}"), elem_id=f"write-{name}")
                else:
                    options = [(w(f"write.{name}.{choice}"), choice) for choice in allowed]
                    fields[name] = gr.Dropdown(
                        options, value=allowed[0], label=w(f"write.{name}"), min_width=230, elem_id=f"write-{name}"
                    )
        with gr.Row():
            store = gr.Button(w("write.store"), variant="primary", elem_id="write-store")
            propose = gr.Button(w("write.propose"), elem_id="write-propose")
        note = gr.HTML(elem_id="write-note")
        message = gr.HTML(elem_classes="message")
        preview = gr.HTML(elem_id="write-preview")
    return WriteView(panel, fields, propose, store, preview, note, message)
