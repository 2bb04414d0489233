"""Step 5: base against adapted."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.presenters import heading, note
from demo.wording import Wording


@dataclass(frozen=True)
class CompareView:
    """The components of step 5."""

    verdict: gr.HTML
    figures: gr.HTML
    own: gr.HTML
    again: gr.Button
    details: gr.Accordion
    held_out: gr.HTML
    control: gr.HTML
    tradeoff_panel: gr.Accordion
    tradeoff: gr.HTML
    sweep: gr.Button
    message: gr.HTML


def build(w: Wording) -> CompareView:
    """Lays out step 5."""
    with gr.Column(elem_classes="step", elem_id="step-compare"):
        gr.HTML(heading(5, "compare", w))
        verdict = gr.HTML(note(w("compare.empty")), elem_id="verdict")
        own = gr.HTML(elem_id="own-pair")
        again = gr.Button(w("compare.again"), visible=False, elem_id="again")
        message = gr.HTML(elem_classes="message")
        figures = gr.HTML(elem_id="figures")
        with gr.Accordion(w("compare.held_out"), open=True, visible=False) as details:
            held_out = gr.HTML(elem_id="held-out")
        control = gr.HTML(elem_id="control-result")
        with gr.Accordion(w("tradeoff.title"), open=False, visible=False, elem_id="tradeoff-panel") as tradeoff_panel:
            tradeoff = gr.HTML(elem_id="tradeoff")
            sweep = gr.Button(w("tradeoff.sweep"), elem_id="sweep")
    return CompareView(verdict, figures, own, again, details, held_out, control, tradeoff_panel, tradeoff, sweep, message)
