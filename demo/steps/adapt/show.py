"""The network's layers as a picture: what is frozen, what learns and at what rate, how far each has moved; and rates."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from core.training.freezing import LayerPlan
from demo.show.presenters import NO_BREAK, escape, fine, note
from demo.wording import Wording

if TYPE_CHECKING:
    from core.training.rate_finder import RateCurve

SMALLEST = 1e-6  # of a distance's bar, on a scale of powers of ten up to LARGEST
LARGEST = 1.0


def picture(plans: Sequence[LayerPlan], moved: Mapping[str, float], w: Wording) -> str:
    """The layers, text on top and sound at the bottom, each with its parameters and its rate."""
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
    learnt, all_of_it = (sum(p.numel() for e in plans for p in e.learning), sum(e.size for e in plans))
    total = w("layers.total", learning=_size(learnt), all=_size(all_of_it), share=f"{100 * learnt / max(1, all_of_it):.1f}")
    titles = "".join(f'<th scope="col">{escape(w(f"layers.{name}"))}</th>' for name in ("layer", "bar", "size", "state"))
    return (
        f'{fine(total)}<div class="scroll"><table class="layers"><thead><tr>{titles}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def drift(moved: Sequence[tuple[str, float]], step: int, w: Wording) -> str:
    """How far each layer has moved from its pretrained values by a step, ||theta_l - theta_p,l|| / ||theta_p,l||."""
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
    """The loss at each rate of a search for one: columns rate, as a power of ten, and loss."""
    return pd.DataFrame({"rate": [math.log10(rate) for rate in curve.rates], "loss": curve.smoothed})


def suggestion(curve: RateCurve, clips: int, w: Wording) -> str:
    """What a search for a rate suggests, from so many clips."""
    key = "adapt.rate_none" if curve.suggestion is None else "adapt.rate_found"
    return note(w(key, rate=f"{curve.suggestion or 0:.1g}", steps=len(curve.rates), clips=clips))


def _name(name: str, w: Wording) -> str:
    part, _, rest = name.partition(".")
    if rest.isdigit():
        return w(f"layers.name.{part}", number=int(rest) + 1)
    return w(f"layers.name.{name}") if w.has(f"layers.name.{name}") else name


def _size(parameters: int) -> str:
    return f"{parameters / 1e6:.1f}{NO_BREAK}M" if parameters >= 50_000 else f"{parameters / 1e3:.1f}{NO_BREAK}k"


def _length(distance: float) -> float:
    place = math.log10(max(distance, SMALLEST) / SMALLEST) / math.log10(LARGEST / SMALLEST)
    return 100 * min(1.0, place)
