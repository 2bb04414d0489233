"""The stage's layout: three cards, the sentences to read, and the wall."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.steps.stage import flip, say, teach, wall
from demo.steps.stage.flip import FlipView
from demo.steps.stage.say import SayView
from demo.steps.stage.teach import TeachCardView
from demo.steps.stage.wall import WallView
from demo.steps.teach.record import view as record
from demo.steps.teach.record.view import RecordView
from demo.wording import Wording


@dataclass(frozen=True)
class StageView:
    """The components of the stage.

    Attributes:
        bar: the steps of the lab, each with its state.
        place: where the visitor was: "reading" sentences, or "" at the flip.
    """

    bar: gr.HTML
    say: SayView
    teach: TeachCardView
    record: RecordView
    flip: FlipView
    wall: WallView
    place: gr.Textbox


def build(w: Wording) -> StageView:
    """Lays out the stage."""
    bar = gr.HTML(elem_id="bar")
    with gr.Column(elem_id="stage"):
        first = say.build(w)
        second = teach.build(w)
        third = flip.build(w)
        reading = record.build(w)
        result = wall.build(w)
    place = gr.Textbox(visible="hidden", elem_id="place")
    return StageView(bar, first, second, reading, third, result, place)
