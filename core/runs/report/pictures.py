"""The report's pictures as inline SVG, drawn without a library, so that they need no script, font or other file.

Every picture is 360 units wide, the width of a phone in pixels, and scales. The caller passes translated texts, which are
escaped here.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

WIDTH = 360
MARGIN = 12
ROW = 34  # height of a row with a label above it
PLOT_HEIGHT, LEGEND_ROW = 126, 18
MOST_POINTS, MOST_DOTS = 300, 20  # of a line; more points are thinned out, and lines with more dots have none
KINDS = ("first", "second", "third")
SYMBOLS = str.maketrans({"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;"})  # characters that templates evaluate


@dataclass(frozen=True)
class Change:
    """One row of `changes`.

    Attributes:
        label: label of the row.
        before, after: error rates, as shares.
        low, high: ends of the interval of the difference, or None if there are too few clips for one.
    """

    label: str
    before: float
    after: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Series:
    """One line of `curves`.

    Attributes:
        label: label in the legend; "" for none.
        points: (x, y), from left to right.
        band: (x, low, high) of a shaded band.
        bars: (x, low, high) of intervals.
        joined: whether a line connects the points.
        dotted: whether points are drawn as dots if there are few.
    """

    label: str
    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    bars: Sequence[tuple[float, float, float]] = ()
    joined: bool = True
    dotted: bool = True


def escape(text: object) -> str:
    """Escapes text for HTML and SVG, including characters that a template might evaluate later."""
    return html.escape(str(text)).translate(SYMBOLS)


def rates(rows: Sequence[Change], title: str) -> str:
    """Draws each row's error rate before (hollow) and after (filled), on one axis in percent."""
    top = max((100 * max(row.before, row.after) for row in rows), default=0.0)
    ticks = _ticks(0.0, max(top, 5.0))

    def x(value: float) -> float:
        return MARGIN + (WIDTH - 2 * MARGIN) * value / ticks[-1]

    parts = [*_grid(ticks, x, len(rows))]
    for i, row in enumerate(rows):
        y = 26 + ROW * i
        before, after = x(100 * row.before), x(100 * row.after)
        kind = "good" if row.after < row.before else "bad" if row.after > row.before else "unclear"
        parts += [
            f'<text x="{MARGIN}" y="{y - 12}">{escape(row.label)}</text>',
            f'<line class="link {kind}" x1="{before:.1f}" x2="{after:.1f}" y1="{y}" y2="{y}"/>',
            f'<circle class="before" cx="{before:.1f}" cy="{y}" r="5"/>',
            f'<circle class="after {kind}" cx="{after:.1f}" cy="{y}" r="5"/>',
        ]
    return _svg(26 + ROW * len(rows), title, parts)


def changes(rows: Sequence[Change], title: str) -> str:
    """Draws each row's difference and interval on an axis centred at 0, in percentage points; hollow without interval."""
    reach = [100 * abs(end) for row in rows for end in (row.after - row.before, row.low or 0.0, row.high or 0.0)]
    limit = _ticks(0.0, max([*reach, 2.0]))[-1]
    ticks = [-limit, -limit / 2, 0.0, limit / 2, limit]

    def x(value: float) -> float:
        return WIDTH / 2 + (WIDTH / 2 - MARGIN) * value / limit

    parts = [*_grid(ticks, x, len(rows), signed=True)]
    for i, row in enumerate(rows):
        y = 26 + ROW * i
        middle = x(100 * (row.after - row.before))
        parts.append(f'<text x="{MARGIN}" y="{y - 12}">{escape(row.label)}</text>')
        if row.low is None or row.high is None:
            parts.append(f'<circle class="before" cx="{middle:.1f}" cy="{y}" r="4"/>')
            continue
        kind = "good" if row.high < 0 else "bad" if row.low > 0 else "unclear"
        ends = x(100 * row.low), x(100 * row.high)
        parts.append(f'<line class="bar {kind}" x1="{ends[0]:.1f}" x2="{ends[1]:.1f}" y1="{y}" y2="{y}"/>')
        parts.append(f'<circle class="after {kind}" cx="{middle:.1f}" cy="{y}" r="5"/>')
    return _svg(26 + ROW * len(rows), title, parts)


def curves(
    series: Sequence[Series],
    title: str,
    x_label: str,
    *,
    marked: float | None = None,
    x_ticks: Sequence[tuple[float, str]] = (),
) -> str:
    """Draws lines over an axis from 0, with a legend if they have labels.

    Args:
        series: the lines; the first is solid with filled dots, the second dashed with hollow squares, the third dotted.
        title: title for screen readers.
        x_label: label of the horizontal axis.
        marked: an x value to highlight.
        x_ticks: (x, label) of the horizontal axis; by default round numbers from 0.
    """
    named = [one.label for one in series if one.label]
    top = LEGEND_ROW * len(named) + 14
    bottom, left = top + PLOT_HEIGHT, 44
    xs = [x for one in series for x, *_ in (*one.points, *one.band, *one.bars)] + [x for x, _ in x_ticks]
    ys = [y for one in series for _, *values in (*one.points, *one.band, *one.bars) for y in values]
    first, last = (min(xs), max(xs)) if x_ticks else (0.0, max(xs, default=1.0))
    ticks = _ticks(0.0, max(ys, default=1.0) or 1.0)

    def at(x: float, y: float) -> tuple[float, float]:
        share = (x - first) / (last - first) if last > first else 0.5 if x_ticks else 0.0
        return left + (WIDTH - MARGIN - left) * share, bottom - (bottom - top) * min(y, ticks[-1]) / ticks[-1]

    parts = []
    for tick in ticks:
        y = at(first, tick)[1]
        parts.append(f'<line class="grid" x1="{left}" x2="{WIDTH - MARGIN}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" text-anchor="end" x="{left - 6}" y="{y + 4:.1f}">{tick:g}</text>')
    for x, label in x_ticks or [(step, f"{step:g}") for step in _ticks(0.0, last or 1.0) if step <= last]:
        parts.append(
            f'<text class="tick" text-anchor="middle" x="{at(x, 0)[0]:.1f}" y="{bottom + 14:.1f}">{escape(label)}</text>'
        )
    if marked is not None:
        x = at(marked, 0)[0]
        parts.append(f'<line class="marked" x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}"/>')
    for one, kind in zip(series, KINDS, strict=False):
        parts += _series(one, kind, at)
    for row, (label, kind) in enumerate((one.label, kind) for one, kind in zip(series, KINDS, strict=False) if one.label):
        y = LEGEND_ROW * row + 10
        parts.append(f'<line class="curve {kind}" x1="{left}" x2="{left + 26}" y1="{y}" y2="{y}"/>')
        parts += _dots([(left + 13, y)], kind)
        parts.append(f'<text x="{left + 34}" y="{y + 4}">{escape(label)}</text>')
    parts.append(f'<text class="tick" text-anchor="end" x="{WIDTH - MARGIN}" y="{bottom + 30:.1f}">{escape(x_label)}</text>')
    return _svg(bottom + 36, title, parts)


def _series(one: Series, kind: str, at: Callable[[float, float], tuple[float, float]]) -> list[str]:
    parts = []
    if one.band:
        edge = [at(x, high) for x, _, high in one.band] + [at(x, low) for x, low, _ in reversed(one.band)]
        parts.append(f'<polygon class="band {kind}" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in edge)}"/>')
    for x, low, high in one.bars:
        (across, bottom), (_, top) = at(x, low), at(x, high)
        parts.append(f'<line class="reach {kind}" x1="{across:.1f}" x2="{across:.1f}" y1="{bottom:.1f}" y2="{top:.1f}"/>')
    every = math.ceil(len(one.points) / MOST_POINTS) or 1
    kept = [*one.points[:-1:every], *one.points[-1:]]
    spots = [at(x, y) for x, y in kept]
    if one.joined and spots:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        parts.append(f'<polyline class="curve {kind}" points="{path}"/>')
    return parts + (_dots(spots, kind) if one.dotted and len(spots) < MOST_DOTS else [])


def _dots(spots: Sequence[tuple[float, float]], kind: str) -> list[str]:
    if kind == KINDS[1]:
        return [f'<rect class="dot {kind}" x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6"/>' for x, y in spots]
    return [f'<circle class="dot {kind}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in spots]


def heat_map(
    said: Sequence[str], heard: Sequence[str], counts: Sequence[Sequence[int]], most: int, title: str, axes: tuple[str, str]
) -> str:
    """Draws a matrix of counts: rows are characters said, columns those heard; `most` is the count of the darkest cell."""
    left, top = 44, 40
    size = min(30.0, (WIDTH - left - MARGIN) / max(len(heard), 1))
    parts = [
        f'<text class="tick" x="{MARGIN}" y="12">{escape(axes[0])} ↓</text>',
        f'<text class="tick" text-anchor="end" x="{WIDTH - MARGIN}" y="12">{escape(axes[1])} →</text>',
    ]
    for j, name in enumerate(heard):
        x = left + size * (j + 0.5)
        parts.append(f'<text text-anchor="middle" x="{x:.1f}" y="{top - 6}">{escape(name or "–")}</text>')
    for i, name in enumerate(said):
        y = top + size * i
        parts.append(f'<text text-anchor="end" x="{left - 8}" y="{y + size / 2 + 4:.1f}">{escape(name or "–")}</text>')
        for j, count in enumerate(counts[i]):
            x, share = left + size * j, count / max(most, 1)
            parts.append(
                f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}" '
                f'fill-opacity="{0.15 + 0.85 * share if count else 0.05:.2f}"/>'
            )
            if count:
                kind = "light" if share > 0.5 else ""
                spot = f'x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}"'
                parts.append(f'<text class="count {kind}" text-anchor="middle" {spot}>{count}</text>')
    return _svg(math.ceil(top + size * len(said) + 6), title, parts)


def _svg(height: float, title: str, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(parts)}</svg>"
    )


def _grid(ticks: Sequence[float], x: Callable[[float], float], rows: int, signed: bool = False) -> list[str]:
    bottom = 6 + ROW * rows
    parts = []
    for tick in ticks:
        kind = "grid zero" if tick == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="4" y2="{bottom}"/>')
        anchor = "start" if tick == ticks[0] else "end" if tick == ticks[-1] else "middle"
        text = f"{tick:+g}" if signed and tick else f"{tick:g}"
        parts.append(f'<text class="tick" text-anchor="{anchor}" x="{x(tick):.1f}" y="{bottom + 14}">{text}</text>')
    return parts


def _ticks(low: float, high: float) -> list[float]:
    """Returns three to six round numbers from `low` up to at least `high`."""
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= rough * 0.999)
    return [low + step * i for i in range(math.ceil((high - low) / step - 1e-9) + 1)]
