"""View of step 4's panel that shows a fine-tune at any of its evaluations, below the progress."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.markup import subheading
from demo.wording import Wording


@dataclass(frozen=True)
class WatchView:
    """The components of the panel."""

    panel: gr.Column
    moment: gr.Slider
    about: gr.HTML
    charts: gr.HTML
    transcripts: gr.HTML
    drift: gr.HTML
    followed: gr.Textbox


def build(w: Wording) -> WatchView:
    """Lays out the panel."""
    with gr.Column(visible=False, elem_id="watch-panel") as panel:
        gr.HTML(subheading(w("adapt.watch")))
        charts = gr.HTML(elem_id="charts")
        moment = gr.Slider(0, 1, 0, step=1, label=w("watch.moment"), info=w("watch.moment.info"), elem_id="moment", buttons=[])
        about = gr.HTML(elem_id="moment-about")
        transcripts = gr.HTML(elem_id="watch")
        drift = gr.HTML(elem_id="drift")
    followed = gr.Textbox(visible="hidden")
    return WatchView(panel, moment, about, charts, transcripts, drift, followed)
