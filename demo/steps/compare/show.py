"""Markup of step 5, on what was learned and forgotten: sentences, tables, pictures. Every number comes from the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from core.evaluation.analysis import Analysis, Group, WordCount
from core.evaluation.compare import Comparison
from core.runs.report.pictures import Change, rates
from core.runs.tradeoff import Point
from core.text.metrics import Interval
from core.text.scoring import leading_measure
from demo.show.markup import escape, fine, note
from demo.show.numbers import change, percent
from demo.wording import Wording

NOTHING = "–"
KINDS = {"sound": "good", "worse": "warning"}
SPEAKERS = 8  # in the picture; the table lists all
WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN = 640, 400, 84, 64, 24  # of the trade-off picture, in SVG user units
TICKS = 5
HEADROOM = 1.15


def panel(name: str, comparison: Comparison, analysis: Analysis, w: Wording) -> str:
    """Returns the whole analysis of one group of clips.

    Args:
        name: "test" or "canary".
        comparison: base against adapted.
        analysis: of that comparison.
        w: the page's wording.
    """
    counts = {"better": analysis.better, "worse": analysis.worse, "same": analysis.same}
    parts = [
        _heading("learned.question", w),
        note(w(f"learned.{name}.{analysis.writing.learnt}"), KINDS.get(analysis.writing.learnt, "info")),
        _writing(comparison, analysis, w),
        _heading("learned.kinds", w),
        fine(w("learned.clips", clips=len(comparison.clips), **counts)),
        _kinds(analysis, w),
        '<div class="columns">',
        *(f"<div>{_heading(f'learned.{fate}', w)}{_words(getattr(analysis, fate), w)}</div>" for fate in ("fixed", "broken")),
        f"<div>{_heading('learned.confusions', w)}{_confusions(analysis, w)}</div></div>",
        _matrix(analysis, w),
        _groups(analysis, w),
    ]
    return f'<div class="learned">{"".join(parts)}</div>'


def beside(comparisons: Mapping[str, Comparison], w: Wording) -> str:
    """Returns a picture and a table of the gain on the set beside the change on general speech."""
    there = [(name, comparisons[name]) for name in ("test", "canary") if name in comparisons]
    rows = []
    for name, comparison in there:
        both = comparison.base.wer.rate, comparison.adapted.wer.rate
        rows.append((w(f"learned.beside.{name}"), [*map(percent, both), _interval(comparison.difference, w)]))
    drawn = [
        Change(label, c.base.wer.rate, c.adapted.wer.rate, None, None) for (label, _), (_, c) in zip(rows, there, strict=True)
    ]
    title = w("learned.beside")
    picture = f'<div class="picture">{rates(drawn, title)}</div>'
    table = _table(_head("learned.measure", w), rows, stacked=True)
    return f'<div class="learned">{_heading("learned.beside", w)}{picture}{table}</div>'


def tradeoff(points: Sequence[Point], current: str, w: Wording) -> str:
    """Plots and tabulates all runs of the same comparison: target WER on the x axis, canary WER on the y axis."""
    if not points:
        return ""
    right = HEADROOM * max(max(p.target for p in points), 0.01)
    top = HEADROOM * max(max(p.canary for p in points), 0.01)

    def x(rate: float) -> float:
        return LEFT + (WIDTH - LEFT - MARGIN) * rate / right

    def y(rate: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - MARGIN) * rate / top

    drawn = [_axes(x, y, right, top, w)]
    for curve in sorted({p.curve for p in points if p.curve >= 0}):
        along = sorted((p for p in points if p.curve == curve), key=lambda p: p.recipe.l2_sp if p.recipe else 0.0)
        path = " ".join(f"{x(p.target):.1f},{y(p.canary):.1f}" for p in along)
        drawn.append(f'<polyline class="curve" points="{path}"/>')
    for number, point in enumerate(points):
        drawn.append(_mark(x(point.target), y(point.canary), number, point, point.run == current))
    label = escape(w("tradeoff.about"))
    svg = f'<svg class="tradeoff" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'
    return f"{fine(w('tradeoff.about'))}{svg}{_runs(points, current, w)}"


def _writing(comparison: Comparison, analysis: Analysis, w: Wording) -> str:
    raw = "raw_cer" if leading_measure(comparison.language) == "cer" else "raw_wer"
    rows = []
    for key, measure, interval in (("normalised", "wer", analysis.writing.normalised), ("raw", raw, analysis.writing.raw)):
        both = (getattr(score, measure).rate for score in (comparison.base, comparison.adapted))
        rows.append((w(f"learned.{key}"), [*map(percent, both), _interval(interval, w)]))
    return _table(_head("learned.measure", w), rows, stacked=True)


def _kinds(analysis: Analysis, w: Wording) -> str:
    rows = []
    for kind in ("substitutions", "deletions", "insertions"):
        rows.append((w(f"learned.{kind}"), [str(count) for count in getattr(analysis, kind)]))
    for kind in ("loops", "runs_on", "empty"):
        rows.append((w(f"learned.{kind}"), [str(getattr(runaways, kind)) for runaways in analysis.runaways]))
    return _table(_head("learned.kind", w)[:3], rows)


def _words(words: Sequence[WordCount], w: Wording) -> str:
    if not words:
        return fine(w("learned.none"))
    head = [w(f"learned.{name}") for name in ("word", "times", "said", "in_clips")]
    return _table(head, [(word.word, [str(word.times), str(word.said), str(word.clips)]) for word in words])


def _confusions(analysis: Analysis, w: Wording) -> str:
    if not analysis.confusions:
        return fine(w("learned.none"))
    head = [w(name) for name in ("learned.word", "learned.heard", "figures.base", "figures.adapted")]
    return _table(head, [(c.said, [c.heard, str(c.base), str(c.adapted)]) for c in analysis.confusions])


def _matrix(analysis: Analysis, w: Wording) -> str:
    matrix = analysis.matrix
    if not matrix.said:
        return ""
    most = max(count for counts in (matrix.base, matrix.adapted) for row in counts for count in row)
    nothing = f'<abbr title="{escape(w("learned.nobody"))}">{NOTHING}</abbr>'
    columns = "".join(f'<th scope="col">{escape(name) or nothing}</th>' for name in matrix.heard)
    drawn = []
    for model in ("base", "adapted"):
        rows = []
        for name, counts in zip(matrix.said, getattr(matrix, model), strict=True):
            cells = "".join(_shaded(count, most) for count in counts)
            rows.append(f'<tr><th scope="row">{escape(name) or nothing}</th>{cells}</tr>')
        drawn.append(
            f'<div class="scroll"><table class="heat"><caption>{escape(w(f"figures.{model}"))}</caption><thead><tr>'
            f'<td class="corner">{escape(w("learned.matrix_corner"))}</td>{columns}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )
    about = fine(w("learned.matrix_about"))
    return f'{_heading("learned.matrix", w)}{about}<div class="columns two">{"".join(drawn)}</div>'


def _shaded(count: int, most: int) -> str:
    """Returns a table cell that shows a count by number and by shade."""
    share = round(100 * count / most)
    kind = ' class="dark"' if share > 50 else ""
    return f'<td{kind} style="--share: {share}%">{count}</td>' if count else "<td></td>"


def _groups(analysis: Analysis, w: Wording) -> str:
    named = [(kind, getattr(analysis, kind)) for kind in ("speakers", "lengths", "noises") if getattr(analysis, kind)]
    if not named:
        return ""
    parts = [_heading("learned.groups", w), fine(w("learned.groups_about"))]
    for kind, groups in named:
        title = w(f"learned.{kind}")
        head = [title, w("learned.in_clips"), w("figures.base"), w("figures.adapted"), w("learned.change")]
        drawn = [Change(_name(group, kind, w), group.base, group.adapted, None, None) for group in groups[:SPEAKERS]]
        rows = []
        for group in groups:
            interval = w("learned.too_few") if group.interval is None else _interval(group.interval, w)
            rows.append((_name(group, kind, w), [str(group.clips), percent(group.base), percent(group.adapted), interval]))
        picture = f'<div class="picture">{rates(drawn, title)}</div>'
        parts.append(f'<div class="group">{picture}{_table(head, rows, stacked=True)}</div>')
    return "".join(parts)


def _name(group: Group, kind: str, w: Wording) -> str:
    if kind == "speakers":
        return group.name or w("learned.nameless")
    digits = 1 if kind == "lengths" else 0
    return w(f"learned.{kind[:-1]}", low=f"{group.low:.{digits}f}", high=f"{group.high:.{digits}f}")


def _axes(x: Callable[[float], float], y: Callable[[float], float], right: float, top: float, w: Wording) -> str:
    parts = [f'<path class="axis" d="M{x(0)},{y(top)} V{y(0)} H{x(right)}"/>']
    for i in range(TICKS + 1):
        across, up = i / TICKS * right, i / TICKS * top
        parts.append(f'<text x="{x(across):.0f}" y="{y(0) + 20:.0f}" text-anchor="middle">{100 * across:.0f}</text>')
        if i:
            parts.append(f'<text x="{x(0) - 8:.0f}" y="{y(up) + 5:.0f}" text-anchor="end">{100 * up:.0f}</text>')
    parts.append(f'<text x="{x(right / 2):.0f}" y="{HEIGHT - 14}" text-anchor="middle">{escape(w("tradeoff.target"))}</text>')
    middle = y(top / 2)
    parts.append(
        f'<text x="22" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 22 {middle:.0f})">'
        f"{escape(w('tradeoff.canary'))}</text>"
    )
    return "".join(parts)


def _mark(x: float, y: float, number: int, point: Point, is_current: bool) -> str:
    if point.recipe is None:
        return f'<rect class="base" x="{x - 8:.1f}" y="{y - 8:.1f}" width="16" height="16"/>'
    kind = "current" if is_current else "run"
    return (
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="11"/>'
        f'<text class="number" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle">{number}</text>'
    )


def _runs(points: Sequence[Point], current: str, w: Wording) -> str:
    rows = []
    for number, point in enumerate(points):
        if point.recipe is None:
            name, strength = w("tradeoff.base"), NOTHING
        else:
            name = f"{number} · {w(f'adapt.trains.{point.recipe.trains}')} · {point.recipe.learning_rate:g}"
            name += f" · {w('tradeoff.random')}" if point.recipe.start == "random" else ""
            name += f" · {w('tradeoff.this')}" if point.run == current else ""
            strength = f"{point.recipe.l2_sp:g}"
        rows.append((name, [percent(point.target), percent(point.canary), strength]))
    return _table([w(f"tradeoff.{name}") for name in ("run", "target", "canary", "lambda")], rows)


def _interval(interval: Interval, w: Wording) -> str:
    return change(interval.difference, interval.low, interval.high, w)


def _heading(key: str, w: Wording) -> str:
    return f"<h3>{escape(w(key))}</h3>"


def _head(first: str, w: Wording) -> list[str]:
    return [w(name) for name in (first, "figures.base", "figures.adapted", "learned.change")]


def _table(head: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], stacked: bool = False) -> str:
    """Returns a table; on a phone, where it would be too wide, a stacked one shows each row as a block of labelled cells."""
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    body = []
    for name, row in rows:
        cells = (f'<td data-label="{escape(of)}">{escape(cell)}</td>' for of, cell in zip(head[1:], row, strict=True))
        body.append(f'<tr><th scope="row">{escape(name)}</th>{"".join(cells)}</tr>')
    kind = "figures stacked" if stacked else "figures"
    table = f'<table class="{kind}"><thead><tr>{columns}</tr></thead><tbody>{"".join(body)}</tbody></table>'
    return f'<div class="scroll">{table}</div>'
