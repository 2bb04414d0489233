"""Markup of base and adapted under harder conditions: a sentence, a picture and a table."""

from __future__ import annotations

from collections.abc import Sequence

from core.evaluation.robustness import ConditionResult
from core.runs.report.conditions import noise_curves
from core.runs.report.pictures import curves
from demo.show.markup import escape, fine, verdict
from demo.show.numbers import percent
from demo.wording import Wording


def result(measured: Sequence[ConditionResult], w: Wording) -> str:
    """Returns the results so far; empty before the first condition."""
    if not measured:
        return ""
    lines, ticks = noise_curves(measured, w("figures.base"), w("figures.adapted"), w("robustness.recorded"))
    title = w("robustness.chart")
    svg = curves(lines, title, "dB", x_ticks=ticks)
    figure = f'<figure id="chart-robustness"><figcaption>{escape(title)}</figcaption>{svg}</figure>'
    chart = f'<div class="charts">{figure}</div>' if len(ticks) > 1 else ""
    return f"{_sentence(measured, w)}{chart}{_table(measured, w)}{fine(w('robustness.note', clips=measured[0].clips))}"


def name(condition: str, w: Wording) -> str:
    """Returns a condition's name."""
    kind, _, decibels = condition.partition("_")
    return w(f"robustness.{kind}", db=decibels)


def _sentence(measured: Sequence[ConditionResult], w: Wording) -> str:
    """Says under how many conditions the adapted model is significantly better or worse."""
    better = [name(point.condition, w) for point in measured if point.difference.high < 0]
    worse = [name(point.condition, w) for point in measured if point.difference.low > 0]
    unclear = len(measured) - len(better) - len(worse)
    sentence = w("robustness.result", better=len(better), conditions=len(measured))
    if unclear:
        sentence += w("robustness.unclear", unclear=unclear)
    if worse:
        sentence += w("robustness.worse", conditions=w("recipe.and").join(worse))
    kind = "bad" if worse else "good" if better else "unclear"
    return verdict(sentence, kind)


def _table(measured: Sequence[ConditionResult], w: Wording) -> str:
    titles = ("robustness.condition", "figures.base", "figures.adapted", "robustness.change")
    head = "".join(f'<th scope="col">{escape(w(title))}</th>' for title in titles)
    rows = []
    for point in measured:
        ends = f"{100 * point.difference.low:+.0f} … {100 * point.difference.high:+.0f}"
        cells = (percent(point.base.wer), percent(point.adapted.wer), ends)
        shown = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        called = f'<th scope="row">{escape(name(point.condition, w))}</th>'
        rows.append(f'<tr data-condition="{escape(point.condition)}">{called}{shown}</tr>')
    table = f'<table class="figures"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="scroll">{table}</div>'
