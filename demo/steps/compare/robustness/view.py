"""View of the robustness panel in step 5: the held-out clips in noise, in a room and over a telephone."""

from __future__ import annotations

from demo.steps import job_panel as job
from demo.steps.job_panel import JobView
from demo.wording import Wording


def build(w: Wording) -> JobView:
    """Lays out the panel, hidden until there is a run."""
    return job.build("robustness", w, visible=False)
