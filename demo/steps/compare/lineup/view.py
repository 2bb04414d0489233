"""View of the line-up in step 5: several runs on the same clips."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.steps.compare.clips.view import Pager, build_pager
from demo.wording import Wording


@dataclass(frozen=True)
class LineUpView:
    """The components of the line-up panel."""

    panel: gr.Accordion
    choice: gr.CheckboxGroup
    go: gr.Button
    rates: gr.HTML
    clips: gr.HTML
    pager: Pager
    message: gr.HTML


def build(w: Wording) -> LineUpView:
    """Lays out the panel."""
    with gr.Accordion(w("lineup.title"), open=False, visible=False, elem_id="lineup") as panel:
        choice = gr.CheckboxGroup(label=w("lineup.choose"), elem_id="lineup-choice")
        go = gr.Button(w("lineup.go"), elem_id="lineup-go")
        message = gr.HTML(elem_classes="message")
        rates = gr.HTML(elem_id="lineup-rates")
        clips = gr.HTML(elem_id="lineup-clips")
        pager = build_pager("lineup", w)
    return LineUpView(panel, choice, go, rates, clips, pager, message)
