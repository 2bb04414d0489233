"""Event wiring of the robustness panel. No logic."""

from __future__ import annotations

import gradio as gr

from demo.steps.compare.robustness.handlers import RobustnessHandlers
from demo.steps.job_panel import JobView
from demo.steps.wiring import QUIET, On, named


def wire(on: On, view: JobView, finished: gr.Textbox, handlers: RobustnessHandlers) -> None:
    """Wires the robustness panel.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        finished: holds the id of the run that just finished.
        handlers: those of the panel.
    """
    seen = named(view, "seen")
    looked = named(view, "panel", "forecast", "progress", "result", "start", "stop", "timer", "seen")
    on(finished.change, handlers.look, seen, looked, None, **QUIET)
    on(view.start.click, handlers.start, {}, looked, view.message, **QUIET)
    on(view.stop.click, handlers.stop, {}, looked, view.message, **QUIET)
    on(view.timer.tick, handlers.look, seen, looked, None, **QUIET, queue=False)
