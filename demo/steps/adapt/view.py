"""View of step 4: the recipe, and what a fine-tune does to the network. It is started and stopped on the stage."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.data.samples import CANARY
from core.training.presets import PRESETS
from core.training.recipe import Recipe
from demo.show.markup import escape, heading
from demo.steps.adapt import settings
from demo.steps.adapt.ladder import view as ladder
from demo.steps.adapt.ladder.view import LadderView
from demo.steps.adapt.watch import view as watch
from demo.steps.adapt.watch.view import WatchView
from demo.wording import Wording

CHART_HEIGHT = 320  # below 300 the axis is cut off


@dataclass(frozen=True)
class AdaptView:
    """The components of step 4.

    Attributes:
        settings: a recipe's fields, keyed by `settings.NAMES`.
        suits: the model family they are for.
    """

    preset: gr.Radio
    recipe: gr.HTML
    settings: dict[str, gr.components.Component]
    suits: gr.Textbox
    seed: gr.Number
    advanced: gr.Accordion
    canary: gr.Dropdown
    picture: gr.HTML
    find: gr.Button
    rates_panel: gr.Column
    rates: gr.LinePlot
    rates_note: gr.HTML
    hear: gr.Button
    augmented: gr.HTML
    control: gr.Checkbox
    watch: WatchView
    ladder: LadderView
    message: gr.HTML


def build(w: Wording, recipe: Recipe, family: str) -> AdaptView:
    """Lays out step 4 with a recipe's values and the model family they are for."""
    fields: dict[str, gr.components.Component] = {}
    with gr.Column(elem_classes="step", elem_id="step-adapt"):
        gr.HTML(heading(4, "adapt", w))
        preset = gr.Radio(
            [(w(f"preset.{name}"), name) for name in PRESETS], value=PRESETS[0], label=w("adapt.preset"), elem_id="preset"
        )
        words = gr.HTML(elem_id="recipe")
        with gr.Accordion(w("adapt.picture"), open=False):
            picture = gr.HTML(elem_id="layers")
        with gr.Accordion(w("adapt.advanced"), open=False) as advanced:
            with gr.Tabs():
                for group, rows in settings.GROUPS.items():
                    with gr.Tab(w(f"adapt.group.{group}")):
                        for row in rows:
                            with gr.Row():
                                fields |= {name: _field(name, recipe, w) for name in row}
                        if group == "rates":
                            find = gr.Button(w("adapt.find_rate"), elem_id="find-rate")
                            rates_note = gr.HTML(elem_id="rates-note")
                            with gr.Column(visible=False) as rates_panel:
                                rates = _rates(w)
                        if group == "data":
                            hear = gr.Button(w("adapt.hear"), elem_id="hear-augmented")
                            augmented = gr.HTML(elem_id="augmented")
            with gr.Row():
                seed = gr.Number(0, label=w("adapt.seed"), precision=0)
                canary = gr.Dropdown(
                    [("", CANARY)], value=CANARY, label=w("adapt.canary"), info=w("adapt.canary.info"), elem_id="canary"
                )
        control = gr.Checkbox(False, label=w("adapt.control"), elem_id="control")
        message = gr.HTML(elem_classes="message")
        gr.HTML(f'<p class="fine"><a href="#stage">{escape(w("stage.to_start"))}</a></p>')
        watching = watch.build(w)
        climbing = ladder.build(w)
        suits = gr.Textbox(family, visible="hidden")
    return AdaptView(
        preset, words, {name: fields[name] for name in settings.NAMES}, suits, seed, advanced, canary, picture, find,
        rates_panel, rates, rates_note, hear, augmented, control, watching, climbing, message,
    )  # fmt: skip


def _field(name: str, recipe: Recipe, w: Wording) -> gr.components.Component:
    value, label, about = recipe.settings()[name], w(f"adapt.{name}"), f"adapt.{name}.info"
    info = w(about) if w.has(about) else None
    if name in settings.CHOICES:
        return gr.Dropdown(
            [(w(f"adapt.{name}.{choice}"), choice) for choice in settings.CHOICES[name]], value=value, label=label, info=info
        )
    return gr.Number(value, label=label, info=info, precision=0 if name in settings.WHOLE else None)


def _rates(w: Wording) -> gr.LinePlot:
    return gr.LinePlot(
        x="rate",
        y="loss",
        title=w("adapt.rates"),
        x_title=w("adapt.rate_axis"),
        y_title=w("adapt.loss_axis"),
        height=CHART_HEIGHT,
        show_label=False,
        buttons=[],
        elem_id="chart-rates",
    )
