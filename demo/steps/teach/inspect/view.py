"""Step 3: the report before training, with repairs."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.wording import Wording

POLL_SECONDS = 0.5
PLACES = 10  # repairable findings shown at once; others follow as these are repaired


@dataclass(frozen=True)
class Place:
    """The components of one repairable finding."""

    row: gr.Row
    about: gr.HTML
    repair: gr.Button


@dataclass(frozen=True)
class InspectView:
    """The components of the report."""

    closed: gr.Checkbox
    look: gr.Button
    ask: gr.Button
    stop: gr.Button
    progress: gr.HTML
    summary: gr.HTML
    places: tuple[Place, ...]
    rest: gr.HTML
    undo: gr.Button
    back: gr.Button
    delete: gr.Button
    timer: gr.Timer
    done: gr.HTML
    message: gr.HTML


def build(w: Wording) -> InspectView:
    """Lays out the report."""
    with gr.Accordion(w("inspect.title"), open=False, elem_id="inspect"):
        gr.HTML(f'<p class="fine">{w("inspect.about")}</p>')
        closed = gr.Checkbox(False, label=w("inspect.closed"))
        with gr.Row():
            look = gr.Button(w("inspect.look"), variant="primary", elem_id="inspect-look")
            ask = gr.Button(w("inspect.ask"), elem_id="inspect-ask")
        stop = gr.Button(w("inspect.stop"), visible=False, elem_id="inspect-stop")
        message = gr.HTML(elem_classes="message", elem_id="inspect-message")
        done = gr.HTML(elem_id="inspect-done")
        progress = gr.HTML(elem_id="inspect-progress")
        with gr.Row():
            undo = gr.Button(w("inspect.undo"), visible=False, elem_id="inspect-undo")
            back = gr.Button(w("inspect.back"), visible=False, elem_id="inspect-back")
            delete = gr.Button(w("inspect.delete_many", count=0), visible=False, variant="stop", elem_id="inspect-delete")
        summary = gr.HTML(elem_id="inspect-summary")
        places = []
        for number in range(PLACES):
            with gr.Row(visible=False, elem_classes="finding", elem_id=f"finding-{number}") as row:
                about = gr.HTML()
                repair = gr.Button(w("remedy.drop", count=0), scale=0, min_width=220)
            places.append(Place(row, about, repair))
        rest = gr.HTML(elem_id="inspect-rest")
        timer = gr.Timer(POLL_SECONDS, active=False)
    return InspectView(
        closed, look, ask, stop, progress, summary, tuple(places), rest, undo, back, delete, timer, done, message
    )
