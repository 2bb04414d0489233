"""Markup of a ladder: a chart, a table and sentences on how much data is needed."""

from __future__ import annotations

import itertools
import math

from core.runs.ladder import Curve
from core.runs.report.pictures import Series, curves
from demo.show.markup import escape, fine, verdict
from demo.show.numbers import percent, points
from demo.wording import Wording

DRAWN = 40  # points along the curve
AHEAD = 4  # the curve extends to this multiple of the largest size, to show where it leads


def result(curve: Curve, base: float | None, wanted: float, whole: bool, w: Wording) -> str:
    """Returns the measurements so far and, for a complete ladder, its forecast.

    Args:
        curve: the curve through the finished fine-tunes.
        base: WER of the base.
        wanted: the target WER.
        whole: whether all fine-tunes are done; until then, nothing is said about the curve.
        w: the wording.
    """
    if not curve.sizes:
        return ""
    sentences = _sentences(curve, base, wanted, w) if whole else []
    verdicts = "".join(verdict(text, "unclear") for text in sentences)
    return f"{verdicts}{_chart(curve, wanted, whole, w)}{_table(curve, base, w)}{fine(w('ladder.note'))}"


def _sentences(curve: Curve, base: float | None, wanted: float, w: Wording) -> list[str]:
    first, last = curve.sizes[0], curve.sizes[-1]
    sentences = []
    if base is not None and base > last.wer:
        share = min(1.0, max(0.0, (base - first.wer) / (base - last.wer)))
        rates = {"base": points(base), "last": points(last.wer), "share": f"{100 * share:.0f}"}
        sentences.append(w("ladder.gain", clips=last.clips, few=first.clips, **rates))
    found = curve.clips_for(wanted)
    goal = points(wanted)
    if found.clips is None:
        sentences.append(w(f"ladder.{found.refusal}", wer=goal, floor=points(curve.floor), clips=last.clips))
        return sentences
    more, low = (max(0, (clips or 0) - last.clips) for clips in (found.clips, found.low))
    if not more:
        sentences.append(w("ladder.reached", wer=goal, clips=found.clips))
    elif found.high is None:
        sentences.append(w("ladder.more_open", wer=goal, more=more, low=low))
    else:
        sentences.append(w("ladder.more", wer=goal, more=more, low=low, high=max(0, found.high - last.clips)))
    return sentences


def _chart(curve: Curve, wanted: float, whole: bool, w: Wording) -> str:
    if len(curve.sizes) < 2:
        return ""
    sizes = [size.clips for size in curve.sizes]
    measured = Series(
        w("ladder.measured"),
        [(math.log2(size.clips), 100 * size.wer) for size in curve.sizes],
        bars=[(math.log2(s.clips), 100 * s.low, 100 * s.high) for s in curve.sizes if s.low is not None and s.high is not None],
        joined=not whole or bool(curve.refusal),
    )
    lines, ticks = [measured], [(math.log2(size), str(size)) for size in sizes]
    if whole and not curve.refusal:
        last = AHEAD * sizes[-1]
        along = [sizes[0] * (last / sizes[0]) ** (i / (DRAWN - 1)) for i in range(DRAWN)]
        expected = [(math.log2(clips), *(100 * max(0.0, wer) for wer in curve.at(clips))) for clips in along]
        lines.append(
            Series(
                w("ladder.curve"),
                [(x, wer) for x, wer, _, _ in expected],
                band=[(x, low, high) for x, _, low, high in expected],
                dotted=False,
            )
        )
        lines.append(
            Series(
                w("ladder.wanted", wer=points(wanted)),
                [(x, 100 * wanted) for x in (expected[0][0], expected[-1][0])],
                dotted=False,
            )
        )
        ticks += [(math.log2(sizes[-1] * times), str(sizes[-1] * times)) for times in (2, AHEAD)]
    kept = [ticks[0], *(tick for before, tick in itertools.pairwise(ticks) if tick[0] - before[0] > 0.3)]
    title = w("ladder.chart")
    svg = curves(lines, title, w("ladder.axis"), x_ticks=kept, marked=math.log2(sizes[-1]) if len(lines) > 1 else None)
    return f'<div class="charts"><figure id="chart-ladder"><figcaption>{escape(title)}</figcaption>{svg}</figure></div>'


def _table(curve: Curve, base: float | None, w: Wording) -> str:
    head = "".join(f'<th scope="col">{escape(w(f"ladder.{name}"))}</th>' for name in ("clips", "wer", "interval", "repeats"))
    rows = [(w("ladder.base"), percent(base), "–", "–")] if base is not None else []
    for size in curve.sizes:
        ends = "–" if size.low is None or size.high is None else f"{points(size.low)} … {percent(size.high)}"
        rows.append((str(size.clips), percent(size.wer), ends, str(size.repeats)))
    body = "".join(
        f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for name, *cells in rows
    )
    return f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
