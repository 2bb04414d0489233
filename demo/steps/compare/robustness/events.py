"""Event wiring of the robustness panel. No logic."""

from __future__ import annotations

import gradio as gr

from demo.steps.compare import measuring
from demo.steps.compare.robustness.handlers import RobustnessHandlers
from demo.steps.job_panel import JobView
from demo.steps.wiring import On


def wire(on: On, view: JobView, finished: gr.Textbox, handlers: RobustnessHandlers) -> None:
    """Wires the robustness panel.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        finished: holds the id of the run that just finished.
        handlers: those of the panel.
    """
    measuring.wire(on, view, finished, handlers, "panel")
