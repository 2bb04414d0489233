"""Step 4: the recipe, and the training as it happens."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.recipe import PLANS, TASKS, VOCABULARIES, Recipe
from demo.presenters import heading, note
from demo.wording import Wording

POLL_SECONDS = 1.0
CHART_HEIGHT = 320  # below 300 the axis is cut off


@dataclass(frozen=True)
class AdaptView:
    """The components of step 4."""

    recipe: gr.HTML
    task: gr.Dropdown
    trains: gr.Dropdown
    learning_rate: gr.Number
    epochs: gr.Number
    l2_sp: gr.Number
    layer_decay: gr.Number
    head_rate: gr.Number
    vocabulary: gr.Dropdown
    seed: gr.Number
    forecast: gr.HTML
    start: gr.Button
    stop: gr.Button
    progress: gr.HTML
    charts: gr.Row
    loss: gr.LinePlot
    wer: gr.LinePlot
    watch_panel: gr.Column
    watch: gr.HTML
    timer: gr.Timer
    seen: gr.Textbox
    finished: gr.Textbox
    message: gr.HTML

    @property
    def settings(self) -> list[gr.components.Component]:
        """The advanced choices, in the order of `handlers.adapt.SETTINGS`."""
        return [
            self.task,
            self.trains,
            self.learning_rate,
            self.epochs,
            self.l2_sp,
            self.layer_decay,
            self.head_rate,
            self.vocabulary,
            self.seed,
        ]


def build(w: Wording, recipe: Recipe) -> AdaptView:
    """Lays out step 4 with a recipe's values."""
    with gr.Column(elem_classes="step", elem_id="step-adapt"):
        gr.HTML(heading(4, "adapt", w))
        words = gr.HTML(elem_id="recipe")
        with gr.Accordion(w("adapt.advanced"), open=False):
            task = gr.Dropdown([(w(f"adapt.task.{name}"), name) for name in TASKS], value=recipe.task, label=w("adapt.task"))
            with gr.Row():
                trains = gr.Dropdown(
                    [(w(f"adapt.trains.{name}"), name) for name in PLANS], value=recipe.trains, label=w("adapt.trains")
                )
                learning_rate = gr.Number(recipe.learning_rate, label=w("adapt.learning_rate"))
                epochs = gr.Number(recipe.epochs, label=w("adapt.epochs"), precision=0)
            with gr.Row():
                l2_sp = gr.Number(recipe.l2_sp, label=w("adapt.l2_sp"))
                layer_decay = gr.Number(recipe.layer_decay, label=w("adapt.layer_decay"))
            with gr.Row():
                head_rate = gr.Number(recipe.head_rate, label=w("adapt.head_rate"))
                vocabulary = gr.Dropdown(
                    [(w(f"adapt.vocabulary.{name}"), name) for name in VOCABULARIES],
                    value=recipe.vocabulary,
                    label=w("adapt.vocabulary"),
                )
                seed = gr.Number(0, label=w("adapt.seed"), precision=0)
        forecast = gr.HTML(elem_id="forecast")
        with gr.Row():
            start = gr.Button(w("adapt.start"), variant="primary", elem_id="start")
            stop = gr.Button(w("adapt.stop"), interactive=False, elem_id="stop")
        message = gr.HTML(elem_classes="message")
        progress = gr.HTML(note(w("adapt.idle")), elem_id="progress")
        with gr.Row(visible=False) as charts:
            loss = _chart(w("adapt.loss"), "loss", w("adapt.loss_axis"), w, "loss")
            wer = _chart(w("adapt.wer"), "wer", w("adapt.wer_axis"), w, "wer")
        with gr.Column(visible=False) as watch_panel:
            gr.HTML(f"<h3>{w('adapt.watch')}</h3>")
            watch = gr.HTML(elem_id="watch")
        timer = gr.Timer(POLL_SECONDS, active=False)
        seen = gr.Textbox(visible="hidden")
        finished = gr.Textbox(visible="hidden")
    return AdaptView(
        words, task, trains, learning_rate, epochs, l2_sp, layer_decay, head_rate, vocabulary, seed,
        forecast, start, stop, progress, charts,
        loss, wer, watch_panel, watch, timer, seen, finished, message,
    )  # fmt: skip


def _chart(label: str, y: str, y_title: str, w: Wording, elem_id: str) -> gr.LinePlot:
    return gr.LinePlot(
        x="step",
        y=y,
        title=label,
        x_title=w("adapt.step_axis"),
        y_title=y_title,
        height=CHART_HEIGHT,
        show_label=False,
        buttons=[],
        elem_id=f"chart-{elem_id}",
    )
