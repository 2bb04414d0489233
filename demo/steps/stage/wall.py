"""The lower half of the stage: one clip, base left and adapted right, as large as it can be shown."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.markup import escape, placeholder
from demo.wording import Wording

BUTTONS = {"present": "stage.present", "present-light": "stage.present.light", "present-leave": "stage.present.leave"}  # by id


@dataclass(frozen=True)
class WallView:
    """The components of the wall."""

    headline: gr.HTML
    own: gr.HTML
    again: gr.Button
    message: gr.HTML


def build(w: Wording) -> WallView:
    """Lays out the wall."""
    with gr.Column(elem_id="wall"):
        gr.HTML(_presenting(w), elem_id="presenter-bar")
        headline = gr.HTML(placeholder(w("stage.wall.empty")), elem_id="headline")
        own = gr.HTML(elem_id="own-pair")
        again = gr.Button(w("compare.again"), visible=False, size="sm", elem_id="again")
        message = gr.HTML(elem_classes="message")
    return WallView(headline, own, again, message)


def _presenting(w: Wording) -> str:
    """Returns the buttons of presenter mode, which assets/stage.js turns on and off."""
    buttons = "".join(f'<button type="button" class="plain" id="{id}">{escape(w(key))}</button>' for id, key in BUTTONS.items())
    return f'<p class="presenter">{buttons}</p>'
