"""Event wiring of the slider. No logic."""

from __future__ import annotations

import gradio as gr

from demo.steps.compare import measuring
from demo.steps.compare.between.curve_handlers import CurveHandlers
from demo.steps.compare.between.handlers import BetweenHandlers
from demo.steps.compare.between.view import BetweenView
from demo.steps.wiring import QUIET, WAITS, On, named


def wire(on: On, view: BetweenView, finished: gr.Textbox, handlers: BetweenHandlers, curve: CurveHandlers) -> None:
    """Wires the slider. Moves during a transcription are passed over but for the last, so that the last answer is its own.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        finished: holds the id of the run that just finished.
        handlers: those of the slider.
        curve: those of the errors along it.
    """
    on(finished.change, handlers.offer, {}, named(view, "panel", "place", "marks", "written"), view.message, **QUIET)
    measuring.wire(on, view.curve, finished, curve)
    moved = named(view, "place")
    on(view.place.input, handlers.move, moved, named(view, "written"), view.message, trigger_mode="always_last", **WAITS)
