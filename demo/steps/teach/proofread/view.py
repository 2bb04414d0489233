"""Step 3: proofreading a long recording that the base has transcribed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import gradio as gr

from demo.show.markup import fine
from demo.steps.recorder import recorder
from demo.steps.teach.proofread.show import ROWS
from demo.wording import Wording

POLL_SECONDS = 1


@dataclass(frozen=True)
class RowView:
    """The components of one row."""

    frame: gr.Row
    key: gr.Textbox
    about: gr.HTML
    text: gr.Textbox
    accept: gr.Button
    split: gr.Button
    merge: gr.Button
    delete: gr.Button
    at: gr.Number


@dataclass(frozen=True)
class ProofreadView:
    """The components of proofreading."""

    panel: gr.Accordion
    loading: gr.Column
    sound: gr.Audio
    earlier: gr.Dropdown
    status: gr.HTML
    stop: gr.Button
    go_on: gr.Button
    timer: gr.Timer
    finished: gr.Textbox
    work: gr.Column
    summary: gr.HTML
    order: gr.Radio
    rows: tuple[RowView, ...]
    back: gr.Button
    forward: gr.Button
    page: gr.Textbox
    keep: gr.Button
    name: gr.Textbox
    keep_as_set: gr.Button
    put_aside: gr.Button
    kept: gr.HTML
    message: gr.HTML


def build(w: Wording) -> ProofreadView:
    """Lays out the panel."""
    with gr.Accordion(w("proofread.panel"), open=False, elem_id="proofread") as panel:
        gr.HTML(fine(w("proofread.about")))
        with gr.Column() as loading:
            sound = recorder(w("proofread.sound"), ["upload", "microphone"], "long")
            earlier = gr.Dropdown([], label=w("proofread.earlier"), visible=False, elem_id="earlier")
        status = gr.HTML(elem_id="proofread-status")
        stop = gr.Button(w("proofread.stop"), visible=False, elem_id="stop-proofread")
        go_on = gr.Button(w("proofread.go_on"), visible=False, elem_id="go-on")
        message = gr.HTML(elem_classes="message", elem_id="proofread-message")
        kept = gr.HTML(elem_id="proofread-kept")
        # Kept outside the rows, because showing a row would show these too.
        unseen = [(gr.Textbox(visible="hidden"), gr.Number(visible="hidden")) for _ in range(ROWS)]
        with gr.Column(visible=False) as work:
            order = gr.Radio(
                [(w(f"proofread.order.{name}"), name) for name in ("doubt", "time")], value="doubt", label=w("proofread.order"),
                elem_id="order",
            )  # fmt: skip
            summary = gr.HTML(elem_id="proofread-summary")
            gr.HTML(fine(w("proofread.buttons")))
            rows = tuple(_row(number, *hidden, w) for number, hidden in enumerate(unseen))
            with gr.Row():
                back = gr.Button(w("proofread.back"), min_width=110, interactive=False, elem_id="rows-back")
                forward = gr.Button(w("proofread.forward"), min_width=110, interactive=False, elem_id="rows-forward")
            keep = gr.Button(w("proofread.keep"), variant="primary", elem_id="keep-drafts")
            with gr.Row(elem_classes="field-and-button"):
                name = gr.Textbox(label=w("proofread.name"), max_lines=1, scale=4, elem_id="drafts-name")
                keep_as_set = gr.Button(w("proofread.keep_as_set"), scale=0, min_width=180, elem_id="keep-as-set")
            put_aside = gr.Button(w("proofread.put_aside"), elem_id="put-aside")
            gr.HTML(fine(w("data.long_where")))
        timer = gr.Timer(POLL_SECONDS, active=False)
        finished = gr.Textbox(visible="hidden")
        page = gr.Textbox("0", visible="hidden")
    return ProofreadView(
        panel, loading, sound, earlier, status, stop, go_on, timer, finished, work, summary, order, rows, back, forward, page,
        keep, name, keep_as_set, put_aside, kept, message,
    )  # fmt: skip


def with_place(number: int, inputs: Iterable[str]) -> str:
    """Returns JavaScript that sets an event's input `seconds` to the position of a row's player.

    The position is 0 if the sound was not played or has ended.

    Args:
        number: number of the row.
        inputs: names of the event's inputs, in order; "seconds" is one of them.
    """
    names = ", ".join(inputs)
    player = f"document.querySelector('#row-{number} audio')"
    return f"({names}) => {{ const p = {player}; seconds = p && !p.ended ? p.currentTime : 0; return [{names}]; }}"


def _row(number: int, key: gr.Textbox, at: gr.Number, w: Wording) -> RowView:
    with gr.Row(visible=False, elem_id=f"row-{number}", elem_classes="draft-row") as frame:
        about = gr.HTML(elem_classes="about")
        text = gr.Textbox(show_label=False, label=w("proofread.text"), lines=2, max_lines=6, min_width=300, scale=3)
        with gr.Column(min_width=240, scale=0), gr.Row(elem_classes="draft-buttons"):
            accept = gr.Button(w("proofread.accept"), variant="primary", size="sm", min_width=100, elem_classes="accept")
            split = gr.Button(w("proofread.split"), size="sm", min_width=100, elem_classes="split")
            merge = gr.Button(w("proofread.merge"), size="sm", min_width=100, elem_classes="merge")
            delete = gr.Button(w("proofread.delete"), size="sm", min_width=100, elem_classes="delete")
    return RowView(frame, key, about, text, accept, split, merge, delete, at)
