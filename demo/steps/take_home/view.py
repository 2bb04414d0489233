"""View of step 6: downloading the adapted model and the report."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.markup import heading, note
from demo.wording import Wording


@dataclass(frozen=True)
class TakeHomeView:
    """The components of step 6."""

    download: gr.HTML
    report: gr.HTML


def build(w: Wording) -> TakeHomeView:
    """Lays out step 6."""
    with gr.Column(elem_classes="step", elem_id="step-home"):
        gr.HTML(heading(6, "home", w))
        download = gr.HTML(note(w("home.empty")), elem_id="take-home")
        report = gr.HTML(elem_id="report")
    return TakeHomeView(download, report)
