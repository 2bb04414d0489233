"""Markup of step 4: the recipe in words, its forecast, an augmented clip, a rate search, and a picture of the layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from core.runs.report.facts import millions, trained_parameters
from core.training.freezing import LayerPlan
from core.training.recipe import Recipe
from demo.show.markup import NO_BREAK, escape, fine, note, player, unbroken
from demo.show.numbers import duration
from demo.show.waiting import Ahead, before
from demo.wording import Wording

if TYPE_CHECKING:
    from core.audio.augment.augmenter import Augmented
    from core.training.forecast import Forecast
    from core.training.rate_finder import RateCurve

SMALLEST = 1e-6  # distance at the start of a bar, on a logarithmic scale up to LARGEST
LARGEST = 1.0
_AUGMENTED = ("speed", "gain", "noise", "reverb", "telephone", "time_mask", "frequency_mask")
_HELD = ("l2_new", "weight_decay", "dropout", "layer_drop", "label_smoothing", "adversarial", "average", "patience")


def picture(plans: Sequence[LayerPlan], parameters: int, w: Wording) -> str:
    """Returns a picture of the layers, from text at the top to audio at the bottom, each with its parameters and rate.

    Args:
        plans: how each layer is trained.
        parameters: number of the model's parameters, not counting an adapter's; some are in no layer.
        w: the page's wording.
    """
    widest = max((entry.size for entry in plans), default=1) or 1
    rows = []
    for entry in reversed(plans):
        learning = sum(p.numel() for p in entry.learning)
        if not learning:
            state, text = "frozen", w("layers.frozen")
        elif entry.adapted:
            state, text = "adapter", w("layers.adapter", rate=f"{entry.rate:.1g}", size=_size(learning))
        else:
            state, text = "learns", w("layers.learns", rate=f"{entry.rate:.2g}")
        width = 100 * math.sqrt(entry.size / widest)
        rows.append(
            f'<tr class="{state}"><th scope="row">{escape(_name(entry.layer.name, w))}</th>'
            f'<td class="bar"><span style="width:{width:.0f}%"></span></td>'
            f"<td>{_size(entry.size)}</td><td>{escape(text)}</td></tr>"
        )
    total = trained_parameters(sum(p.numel() for entry in plans for p in entry.learning), parameters, w)
    titles = "".join(f'<th scope="col">{escape(w(f"layers.{name}"))}</th>' for name in ("layer", "bar", "size", "state"))
    return (
        f'{fine(unbroken(total))}<div class="scroll"><table class="layers"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def drift(moved: Sequence[tuple[str, float]], step: int, w: Wording) -> str:
    """Returns a table of how far each layer has moved from its start by a step, ||theta_l - theta_p,l|| / ||theta_p,l||."""
    if not any(distance for _, distance in moved):
        return ""
    rows = "".join(
        f'<tr><th scope="row">{escape(_name(name, w))}</th>'
        f'<td class="bar"><span style="width:{_length(distance):.0f}%"></span></td>'
        f"<td>{100 * distance:.2g}{NO_BREAK}%</td></tr>"
        for name, distance in reversed(moved)
    )
    return (
        f"<h4>{escape(w('layers.drift', step=step))}</h4>{fine(w('layers.drift_about'))}"
        f'<div class="scroll"><table class="layers drift"><tbody>{rows}</tbody></table></div>'
    )


def rates(curve: RateCurve) -> pd.DataFrame:
    """Returns the loss at each rate of a search: columns rate (its base-10 logarithm) and loss."""
    return pd.DataFrame({"rate": [math.log10(rate) for rate in curve.rates], "loss": curve.smoothed})


def suggestion(curve: RateCurve, clips: int, w: Wording) -> str:
    """Returns a sentence with the result of a rate search over a number of clips."""
    key = "adapt.rate_none" if curve.suggestion is None else "adapt.rate_found"
    return note(w(key, rate=f"{curve.suggestion or 0:.1g}", steps=len(curve.rates), clips=clips))


def _name(name: str, w: Wording) -> str:
    part, _, rest = name.partition(".")
    if rest.isdigit():
        return w(f"layers.name.{part}", number=int(rest) + 1)
    return w(f"layers.name.{name}") if w.has(f"layers.name.{name}") else name


def _size(parameters: int) -> str:
    return millions(parameters).replace(" ", NO_BREAK)


def _length(distance: float) -> float:
    place = math.log10(max(distance, SMALLEST) / SMALLEST) / math.log10(LARGEST / SMALLEST)
    return 100 * min(1.0, place)


def recipe_words(recipe: Recipe, clips: int, validation: int, w: Wording) -> str:
    """Returns a recipe in plain words, for numbers of the set's training and validation clips; 0 if they are not known yet."""
    batch = recipe.batch_size * recipe.accumulate
    over = w(f"recipe.over{'' if not recipe.replay else '_replay'}", clips=clips, general=recipe.replayed(clips))
    over = over if clips else w("recipe.over_unknown")
    augment = [w(f"recipe.augment.{name}") for name in _AUGMENTED if getattr(recipe.augment, name)]
    held = [w(f"recipe.{name}") for name in _HELD if getattr(recipe, name)]
    lines = [
        *([w("recipe.random")] if recipe.start == "random" else []),
        *([w("recipe.classify")] if recipe.task == "classify" else []),
        w(f"recipe.{recipe.trains}", layers=recipe.last_layers),
        *([w(f"recipe.{recipe.adapter}", rank=recipe.adapter_rank)] if recipe.adapter != "none" else []),
        w(f"recipe.rate.{recipe.schedule}", rate=f"{recipe.learning_rate:g}", epochs=recipe.epochs, over=over, batch=batch),
        *([w("recipe.layer_decay", share=f"{recipe.layer_decay:g}")] if recipe.layer_decay < 1 else []),
        *([w("recipe.unfreeze", share=f"{100 * recipe.unfreeze:.0f}")] if recipe.unfreeze else []),
        w("recipe.l2_sp", strength=f"{recipe.l2_sp:g}") if recipe.l2_sp else w("recipe.no_l2_sp"),
        *([w("recipe.also", what=w("recipe.and").join(held))] if held else []),
        *([w("recipe.augment", what=w("recipe.and").join(augment))] if augment else []),
        *([w("recipe.replay", share=f"{100 * recipe.replay:.0f}")] if recipe.replay else []),
        w("recipe.best", times=recipe.evaluations) if validation else w("recipe.last_kept"),
        *([w("recipe.blend", a=f"{recipe.blend:g}")] if recipe.blend != 1 else []),
    ]
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def augmented(drawn: Augmented, text: str, url: str, w: Wording) -> str:
    """Returns a player for an augmented training clip, with the changes made to it."""
    room = (
        "" if not drawn.room else w("augmented.room") if drawn.rt60 is None else w("augmented.rt60", rt60=f"{drawn.rt60:.2f}")
    )
    noise = w(f"noise.{drawn.noise}") if w.has(f"noise.{drawn.noise}") else drawn.noise
    changes = [
        *([w("augmented.speed", speed=f"{drawn.speed:.2f}")] if drawn.speed != 1 else []),
        *([room] if room else []),
        *([w("augmented.noise", noise=noise, snr=f"{drawn.snr_db:.0f}")] if noise else []),
        *([w("augmented.telephone")] if drawn.telephone else []),
        *([w("augmented.gain", gain=f"{drawn.gain_db:+.1f}")] if drawn.gain_db else []),
    ]
    words = w("recipe.and").join(changes) if changes else w("augmented.nothing")
    return f'<div class="card"><p class="example">{player(url, w)} “{escape(text)}”</p>{fine(words)}</div>'


def forecast_words(forecast: Forecast | None, ahead: Ahead, w: Wording) -> str:
    """Returns the forecast times, or that they will be known later, and what is ahead in the queue."""
    if forecast is None:
        return note(w("forecast.later")) + _queue(ahead, w)
    times = {name: duration(getattr(forecast, name), w) for name in ("total", "train", "evaluate")}
    return note(w("adapt.forecast", **times)) + _queue(ahead, w)


def _queue(ahead: Ahead, w: Wording) -> str:
    return fine(before(ahead, w)) if ahead.jobs else ""


def axis(table: pd.DataFrame) -> list[float]:
    """Returns the range of a chart's vertical axis: from 0 to slightly above the highest value."""
    return [0.0, 1.05 * max(float(table.iloc[:, 1].max()), 1e-3)]
