"""Step 4: how much data it takes."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.steps import job_panel as job
from demo.steps.job_panel import JobView
from demo.wording import Wording


@dataclass(frozen=True)
class LadderView:
    """The components of the panel."""

    job: JobView
    target: gr.Number


def build(w: Wording) -> LadderView:
    """Lays the panel out."""
    made = job.build("ladder", w)
    with made.panel:
        target = gr.Number(None, label=w("ladder.target"), elem_id="ladder-target")
    return LadderView(made, target)
