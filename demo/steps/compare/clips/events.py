"""Event wiring of the clip list and of pagers. No logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from demo.steps.compare.clips.handlers import ClipsHandlers
from demo.steps.compare.clips.view import ClipsView, Pager
from demo.steps.wiring import AT_ONCE, QUIET, On, named


def wire(on: On, view: ClipsView, message: gr.HTML, handlers: ClipsHandlers, shown: Callable) -> Any:
    """Wires the clip list.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        message: where an error message goes.
        handlers: those of the clip list.
        shown: `then` of the event that shows the verdict on a run.

    Returns:
        The event that lists the run's first clips.
    """
    asked, listed = named(view, "group", "order", "kind", "wanted"), {**named(view, "list"), **named(view.pager)}
    for part in asked.values():  # pasting triggers `change` but not `input`
        changed = part.change if part is view.wanted else part.input
        on(changed, handlers.first, asked, listed, message, **AT_ONCE)
    wire_pager(on, view.pager, handlers, asked, listed, message, top=view.list)
    return on(shown, handlers.first, asked, listed, message, **QUIET)


def wire_pager(
    on: On, pager: Pager, handlers: Any, asked: Mapping[str, Any], listed: Mapping[str, Any], message: gr.HTML, top: gr.HTML
) -> None:
    """Wires a pager.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        pager: the components.
        handlers: an object with `back` and `forward`.
        asked: input components by name, except `page`.
        listed: output components by name.
        message: where an error message goes.
        top: the top of the list, to scroll to.
    """
    for turn in ("back", "forward"):
        pressed, given = getattr(pager, turn).click, {**asked, **named(pager, "page")}
        after = on(pressed, getattr(handlers, turn), given, listed, message, **AT_ONCE)
        after.then(None, js=f"() => document.getElementById('{top.elem_id}').scrollIntoView()")
