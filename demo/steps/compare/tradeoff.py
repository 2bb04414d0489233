"""Gain against forgetting as a picture: an SVG of points, and the same as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.runs.tradeoff import Point
from demo.show.presenters import escape, fine, percent
from demo.wording import Wording

WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN = 640, 400, 84, 64, 24  # of the picture, in its own units
TICKS = 5
HEADROOM = 1.15


def picture(points: Sequence[Point], current: str, w: Wording) -> str:
    """Every run of the same comparison: target WER to the right, canary WER upwards; lower left is best."""
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
    return f"{fine(w('tradeoff.about'))}{svg}{_table(points, current, w)}"


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


def _table(points: Sequence[Point], current: str, w: Wording) -> str:
    titles = ("tradeoff.run", "tradeoff.target", "tradeoff.canary", "tradeoff.lambda")
    head = "".join(f'<th scope="col">{escape(w(title))}</th>' for title in titles)
    rows = []
    for number, point in enumerate(points):
        if point.recipe is None:
            name, strength = w("tradeoff.base"), "–"
        else:
            name = f"{number} · {w(f'adapt.trains.{point.recipe.trains}')} · {point.recipe.learning_rate:g}"
            name += f" · {w('tradeoff.random')}" if point.recipe.start == "random" else ""
            name += f" · {w('tradeoff.this')}" if point.run == current else ""
            strength = f"{point.recipe.l2_sp:g}"
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in (percent(point.target), percent(point.canary), strength))
        rows.append(f'<tr><th scope="row">{escape(name)}</th>{cells}</tr>')
    return (
        f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'
    )
