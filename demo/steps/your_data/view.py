"""View of the end of the page: the visitor's other stored data, and a button to forget everything."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.markup import fine, heading, note, subheading
from demo.steps import removed_panel as removed
from demo.steps.removed_panel import RemovedView
from demo.wording import Wording

FORGET = "() => attune.forget(document.querySelector('#forget-failed'))"  # assets/start_over.js


@dataclass(frozen=True)
class YourDataView:
    """The components of the end of the page."""

    panel: gr.Accordion
    choice: gr.Dropdown
    remove: gr.Button
    removed: RemovedView
    note: gr.HTML
    message: gr.HTML
    forget: gr.Button
    confirm: gr.Column
    forget_all: gr.Button
    keep: gr.Button


def build(w: Wording) -> YourDataView:
    """Lays out the end of the page."""
    with gr.Column(elem_classes="step", elem_id="step-data"):
        gr.HTML(heading(7, "data", w))
        with gr.Accordion(w("data.panel"), open=False, elem_id="data-panel") as panel:
            gr.HTML(fine(w("data.weights")))
            with gr.Row(elem_classes="field-and-button"):
                choice = gr.Dropdown([], label=w("data.choose"), scale=3, elem_id="data-choice")
                remove = gr.Button(w("data.remove"), scale=0, min_width=120, elem_id="data-remove")
            gone = removed.build("data", w)
            message = gr.HTML(elem_classes="message", elem_id="data-message")
            done = gr.HTML(elem_id="data-note")
        gr.HTML(subheading(w("data.forget_title")))
        gr.HTML(fine(w("data.forget_about")))
        forget = gr.Button(w("data.forget"), elem_id="forget")
        with gr.Column(visible=False, elem_id="forget-confirm") as confirm:
            gr.HTML(note(w("data.forget_sure"), "warning"))
            with gr.Row():
                forget_all = gr.Button(w("data.forget_all"), variant="stop", elem_id="forget-all")
                keep = gr.Button(w("data.keep"), elem_id="forget-keep")
            gr.HTML(f'<div id="forget-failed" hidden>{note(w("data.forget_failed"), "error")}</div>')
    return YourDataView(panel, choice, remove, gone, done, message, forget, confirm, forget_all, keep)
