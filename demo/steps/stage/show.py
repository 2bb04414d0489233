"""Markup of the bar that names the steps of the lab, each with its state. No Gradio, no state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from demo.show.markup import escape
from demo.wording import Wording

STEPS = ("model", "listen", "teach", "adapt", "compare", "home", "data")
MARKS = {"open": "○", "done": "✓", "running": "●"}


@dataclass(frozen=True)
class State:
    """How far a step is.

    Attributes:
        kind: "open", "done" or "running".
        text: what was chosen or found there, in a few words.
    """

    kind: str
    text: str = ""


def bar(states: Mapping[str, State], w: Wording) -> str:
    """Returns the bar. Its links lead to the steps; assets/stage.js opens them and copies the states to their titles.

    Args:
        states: by step; a step that has none is only named.
        w: the wording of the page's language.
    """
    links = "".join(_link(step, number, states.get(step), w) for number, step in enumerate(STEPS, 1))
    stage = f'<a href="#stage">{escape(w("stage.title"))}</a>'
    return f'<nav class="bar" aria-label="{escape(w("stage.bar"))}">{stage}{links}</nav>'


def _link(step: str, number: int, state: State | None, w: Wording) -> str:
    name = escape(w(f"{step}.title"))
    if state is None:
        return f'<a href="#step-{step}">{number} {name}</a>'
    kind, text = escape(w(f"stage.state.{state.kind}")), escape(state.text)
    mark = f'<span aria-hidden="true">{MARKS[state.kind]}</span><span class="sr">{kind}</span>'
    said = f' <span class="chosen">{text}</span>' if step == "model" else ""
    return f'<a href="#step-{step}" class="{state.kind}" data-text="{text}" title="{text}">{mark} {number} {name}{said}</a>'
