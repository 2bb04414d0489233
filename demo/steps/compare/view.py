"""View of step 5: base against adapted in detail. The pair that tells most is on the stage."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.markup import heading, note
from demo.steps.compare.between import view as between
from demo.steps.compare.between.view import BetweenView
from demo.steps.compare.clips import view as clips
from demo.steps.compare.clips.view import ClipsView
from demo.steps.compare.lineup import view as lineup
from demo.steps.compare.lineup.view import LineUpView
from demo.steps.compare.robustness import view as robustness
from demo.steps.job_panel import JobView
from demo.wording import Wording


@dataclass(frozen=True)
class CompareView:
    """The components of step 5."""

    between: BetweenView
    verdict: gr.HTML
    figures: gr.HTML
    words: gr.HTML
    clips: ClipsView
    learned_panel: gr.Accordion
    learned: gr.HTML
    forgotten_panel: gr.Accordion
    forgotten: gr.HTML
    lineup: LineUpView
    control: gr.HTML
    tradeoff_panel: gr.Accordion
    tradeoff: gr.HTML
    sweep: gr.Button
    robustness: JobView
    message: gr.HTML


def build(w: Wording) -> CompareView:
    """Lays out step 5."""
    with gr.Column(elem_classes="step", elem_id="step-compare"):
        gr.HTML(heading(5, "compare", w))
        words = gr.HTML(elem_id="own-words")
        message = gr.HTML(elem_classes="message")
        moved = between.build(w)
        verdict = gr.HTML(note(w("compare.empty")), elem_id="verdict")
        figures = gr.HTML(elem_id="figures")
        listed = clips.build(w)
        with gr.Accordion(w("learned.title"), open=False, visible=False, elem_id="learned-panel") as learned_panel:
            learned = gr.HTML(elem_id="learned")
        with gr.Accordion(w("learned.forgotten"), open=False, visible=False, elem_id="forgotten-panel") as forgotten_panel:
            forgotten = gr.HTML(elem_id="forgotten")
        control = gr.HTML(elem_id="control-result")
        with gr.Accordion(w("tradeoff.title"), open=False, visible=False, elem_id="tradeoff-panel") as tradeoff_panel:
            tradeoff = gr.HTML(elem_id="tradeoff")
            sweep = gr.Button(w("tradeoff.sweep"), elem_id="sweep")
        lined = lineup.build(w)
        endured = robustness.build(w)
    return CompareView(
        moved, verdict, figures, words, listed, learned_panel, learned, forgotten_panel, forgotten,
        lined, control, tradeoff_panel, tradeoff, sweep, endured, message,
    )  # fmt: skip
