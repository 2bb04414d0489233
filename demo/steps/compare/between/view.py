"""View of the slider in step 5 from the base to the adapted model and beyond."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.training.recipe import MAX_BLEND
from demo.show.markup import fine, subheading
from demo.steps import job_panel as job
from demo.steps.job_panel import JobView
from demo.wording import Wording

STEP = 0.05


@dataclass(frozen=True)
class BetweenView:
    """The components of the slider."""

    panel: gr.Column
    place: gr.Slider
    marks: gr.HTML
    written: gr.HTML
    message: gr.HTML
    curve: JobView


def build(w: Wording) -> BetweenView:
    """Lays out the slider, hidden until there is a run."""
    with gr.Column(visible=False, elem_id="between") as panel:
        gr.HTML(subheading(w("between.title")) + fine(w("between.about")))
        place = gr.Slider(0.0, MAX_BLEND, 1.0, step=STEP, label=w("between.place"), elem_id="between-place", buttons=[])
        marks = gr.HTML()
        written = gr.HTML(elem_id="between-written")
        message = gr.HTML(elem_classes="message")
        curve = job.build("blend", w)
    return BetweenView(panel, place, marks, written, message, curve)
