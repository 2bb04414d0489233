"""Step 3: which clips are trained on and which are held out."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.data.clips.labelled_set import PARTS
from demo.wording import Wording


@dataclass(frozen=True)
class SplitView:
    """The components of the split."""

    panel: gr.Accordion
    table: gr.HTML
    editing: gr.Column
    who: gr.Dropdown
    part: gr.Radio
    move: gr.Button
    seed: gr.Number
    new_split: gr.Button
    note: gr.HTML
    message: gr.HTML


def build(w: Wording) -> SplitView:
    """Lays out the split."""
    with gr.Accordion(w("split.title"), open=False, elem_id="split") as panel:
        table = gr.HTML(elem_id="split-table")
        with gr.Column(visible=False) as editing:
            who = gr.Dropdown([], multiselect=True, label=w("split.who"), elem_id="split-who")
            with gr.Row(elem_classes="field-and-button"):
                part = gr.Radio([(w(f"part.{part}"), part) for part in PARTS], value="test", label=w("split.part"), scale=3)
                move = gr.Button(w("split.move"), scale=0, min_width=180, elem_id="split-move")
            with gr.Row(elem_classes="field-and-button"):
                seed = gr.Number(0, label=w("split.seed"), precision=0, scale=3)
                new_split = gr.Button(w("split.new"), scale=0, min_width=180, elem_id="split-new")
        note = gr.HTML(elem_id="split-note")
        message = gr.HTML(elem_classes="message")
    return SplitView(panel, table, editing, who, part, move, seed, new_split, note, message)
