"""View of the clip list in step 5: sorted, filtered, searched and paged."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.evaluation.selection import KINDS, ORDERS
from demo.wording import Wording

GROUPS = ("test", "canary")


@dataclass(frozen=True)
class Pager:
    """The components for paging through a list: back, the range of clips shown, forward; `page` counts from 0."""

    back: gr.Button
    where: gr.HTML
    forward: gr.Button
    page: gr.Number


@dataclass(frozen=True)
class ClipsView:
    """The components of the clip list."""

    panel: gr.Accordion
    group: gr.Radio
    order: gr.Dropdown
    kind: gr.Dropdown
    wanted: gr.Textbox
    list: gr.HTML
    pager: Pager


def build(w: Wording) -> ClipsView:
    """Lays out the clip list."""
    with gr.Accordion(w("compare.held_out"), open=True, visible=False, elem_id="clips") as panel:
        group = gr.Radio(
            [(w(f"clips.group.{name}"), name) for name in GROUPS], value="test", label=w("clips.group"), elem_id="clips-group"
        )
        with gr.Row():
            order = _choice("order", ORDERS, w)
            kind = _choice("kind", KINDS, w)
            wanted = gr.Textbox(label=w("clips.search"), max_lines=1, max_length=200, elem_id="clips-search")
        shown = gr.HTML(elem_id="held-out")
        pager = build_pager("clips", w)
    return ClipsView(panel, group, order, kind, wanted, shown, pager)


def build_pager(name: str, w: Wording) -> Pager:
    """Lays out a pager."""
    with gr.Row(elem_classes="pager"):
        back = gr.Button(w("clips.back"), visible=False, min_width=100, elem_id=f"{name}-back")
        where = gr.HTML(elem_id=f"{name}-where")
        forward = gr.Button(w("clips.forward"), visible=False, min_width=100, elem_id=f"{name}-forward")
    return Pager(back, where, forward, gr.Number(0, precision=0, visible="hidden"))


def _choice(name: str, values: tuple[str, ...], w: Wording) -> gr.Dropdown:
    return gr.Dropdown(
        [(w(f"clips.{name}.{value}"), value) for value in values],
        value=values[0],
        label=w(f"clips.{name}"),
        filterable=False,
        elem_id=f"clips-{name}",
    )
