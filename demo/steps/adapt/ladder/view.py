"""View of step 4's ladder panel: how much data is needed."""

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
    """Lays out the panel."""
    made = job.build("ladder", w)
    with made.panel:
        target = gr.Number(None, label=w("ladder.target"), elem_id="ladder-target")
    return LadderView(made, target)
