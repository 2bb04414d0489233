"""Event wiring of the stage as a whole. No logic."""

from __future__ import annotations

from demo.steps.stage.handlers import StageHandlers
from demo.steps.stage.view import StageView
from demo.steps.wiring import AT_ONCE, On, Part, named


def wire(on: On, view: StageView, handlers: StageHandlers) -> tuple[Part, Part]:
    """Wires the stage.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        handlers: those of the stage.

    Returns:
        The part that restores the stage when the page is loaded, and the one that shows how far each step is.
    """
    states = Part(named(view, "bar"), handlers.states)
    on(view.flip.seen.change, states.show, states.inputs, states.outputs, None, **AT_ONCE)
    return Part({**named(view, "place"), **states.outputs}, handlers.restore), states
