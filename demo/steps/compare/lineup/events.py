"""Event wiring of the line-up panel. No logic."""

from __future__ import annotations

from collections.abc import Callable

from demo.steps.compare.clips.events import wire_pager
from demo.steps.compare.lineup.handlers import LineUpHandlers
from demo.steps.compare.lineup.view import LineUpView
from demo.steps.wiring import QUIET, On, named


def wire(on: On, view: LineUpView, handlers: LineUpHandlers, shown: Callable) -> None:
    """Wires the line-up panel.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        handlers: those of the panel.
        shown: `then` of the event that shows a finished run.
    """
    choice, lined = named(view, "choice"), {**named(view, "rates", "clips"), **named(view.pager)}
    on(shown, handlers.offer, {}, {**named(view, "panel", "choice"), **lined}, view.message, **QUIET)
    on(view.go.click, handlers.first, choice, lined, view.message, **QUIET)
    wire_pager(on, view.pager, handlers, choice, lined, view.message, top=view.rates)
