"""Wires the list of clips, and what turns the pages of a list. No logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from demo.steps.compare.clips.handlers import ClipsHandlers
from demo.steps.compare.clips.view import ClipsView, Pager
from demo.steps.wiring import AT_ONCE, QUIET, On, named


def wire(on: On, view: ClipsView, message: gr.HTML, handlers: ClipsHandlers, shown: Callable) -> Any:
    """Wires it.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        view: the components.
        message: where a sentence about an error goes.
        handlers: what the events do.
        shown: the event after the verdict on a run is shown.

    Returns:
        The event after which the run's first clips are listed.
    """
    asked, listed = named(view, "group", "order", "kind", "wanted"), {**named(view, "list"), **named(view.pager)}
    for part in asked.values():  # a text that is pasted is a change and no input
        changed = part.change if part is view.wanted else part.input
        on(changed, handlers.first, asked, listed, message, **AT_ONCE)
    wire_pager(on, view.pager, handlers, asked, listed, message, top=view.list)
    return on(shown, handlers.first, asked, listed, message, **QUIET)


def wire_pager(
    on: On, pager: Pager, handlers: Any, asked: Mapping[str, Any], listed: Mapping[str, Any], message: gr.HTML, top: gr.HTML
) -> None:
    """Wires what turns pages.

    Args:
        on: wires one event, see `demo.steps.wiring`.
        pager: the components.
        handlers: have `back` and `forward`.
        asked: components by the names of their inputs, `page` apart.
        listed: components by the names of their outputs.
        message: where a sentence about an error goes.
        top: of the list, which is scrolled to.
    """
    for turn in ("back", "forward"):
        pressed, given = getattr(pager, turn).click, {**asked, **named(pager, "page")}
        after = on(pressed, getattr(handlers, turn), given, listed, message, **AT_ONCE)
        after.then(None, js=f"() => document.getElementById('{top.elem_id}').scrollIntoView()")
