"""Step 3: the visitor's own named sets."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.data.exporters import LAYOUTS
from demo.steps import removed_panel as removed
from demo.steps.removed_panel import RemovedView
from demo.wording import Wording


@dataclass(frozen=True)
class LibraryView:
    """The components of the library."""

    panel: gr.Accordion
    listed: gr.HTML
    name: gr.Textbox
    save: gr.Button
    copy: gr.Button
    changing: gr.Column
    rename: gr.Button
    other: gr.Dropdown
    merge: gr.Button
    delete: gr.Button
    removed: RemovedView
    empty: gr.Button
    format: gr.Dropdown
    link: gr.HTML
    where: gr.HTML
    note: gr.HTML
    message: gr.HTML


def build(w: Wording) -> LibraryView:
    """Lays out the library."""
    with gr.Accordion(w("library.title"), open=False, elem_id="library") as panel:
        listed = gr.HTML(elem_id="library-listed")
        name = gr.Textbox(label=w("library.name"), max_length=200, elem_id="library-name")
        with gr.Row():
            save = gr.Button(w("library.save"), elem_id="library-save")
            copy = gr.Button(w("library.copy"), elem_id="library-copy")
            rename = gr.Button(w("library.rename"), elem_id="library-rename")
        message = gr.HTML(elem_classes="message")
        note = gr.HTML(elem_id="library-note")
        with gr.Column(visible=False) as changing:
            with gr.Row(elem_classes="field-and-button"):
                other = gr.Dropdown([], label=w("library.other"), scale=3, elem_id="library-other")
                merge = gr.Button(w("library.merge"), scale=0, min_width=180, elem_id="library-merge")
            with gr.Row(elem_classes="field-and-button"):
                format = gr.Dropdown(
                    [(w(f"library.format.{layout}"), layout) for layout in LAYOUTS],
                    value=next(iter(LAYOUTS)), label=w("library.format"), scale=3, elem_id="library-format",
                )  # fmt: skip
                link = gr.HTML(elem_id="library-link")
            delete = gr.Button(w("library.delete"), variant="stop", elem_id="library-delete")
        gone = removed.build("library", w)
        empty = gr.Button(w("library.empty"), visible=False, elem_id="library-empty")
        where = gr.HTML(elem_id="library-where")
    return LibraryView(
        panel, listed, name, save, copy, changing, rename, other, merge, delete, gone, empty, format, link, where, note,
        message,
    )  # fmt: skip
