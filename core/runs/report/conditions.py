"""The section of a report on noise, rooms and telephones, for runs whose robustness was measured."""

from __future__ import annotations

from collections.abc import Sequence

from core.evaluation.robustness import ConditionResult
from core.runs.report.markup import Block, Heading, Picture, Say, Table, Text, percent
from core.runs.report.pictures import Series, curves
from core.runs.robustness_job import find
from core.runs.run_folder import Run


def measured_points(run: Run) -> list[ConditionResult]:
    """Returns the points of a run's robustness; empty if the measurement is not complete."""
    job = find(run)
    return job.points() if job is not None and job.result() is not None else []


def robustness_blocks(points: Sequence[ConditionResult], say: Say) -> list[Block]:
    """Returns a heading, a picture and a table; empty without points."""
    if not points:
        return []
    rows = []
    for point in points:
        name, _, decibels = point.condition.partition("_")
        ends = f"{100 * point.difference.low:+.1f} … {100 * point.difference.high:+.1f}"
        both = (f"{percent(line.wer)} %" for line in (point.base, point.adapted))
        rows.append([say(f"robustness.{name}", db=decibels), *both, ends])
    head = [say("robustness.condition"), say("figures.base"), say("figures.adapted"), say("robustness.change")]
    lines, ticks = noise_curves(points, say("figures.base"), say("figures.adapted"), say("robustness.recorded"))
    title = say("robustness.chart")
    return [
        Heading(say("robustness")),
        Text(say("robustness.about", clips=points[0].clips), "fine"),
        Picture(title, curves(lines, title, "dB", x_ticks=ticks)),
        Table(head, rows),
    ]


def noise_curves(
    points: Sequence[ConditionResult], base: str, adapted: str, recorded: str
) -> tuple[list[Series], list[tuple[float, str]]]:
    """Returns the WER of adapted and base against noise level, in percent with 95 % intervals, and the ticks of the axis.

    Args:
        points: points of one run, in the order of `CONDITIONS`; some may be missing.
        base, adapted, recorded: labels for the models and for the clips without added noise.
    """
    noisy = [point for point in points if point.condition == "recorded" or point.condition.startswith("noise_")]
    ticks = [(float(i), point.condition.removeprefix("noise_").replace("recorded", recorded)) for i, point in enumerate(noisy)]
    lines = []
    for label, model, beside in ((adapted, "adapted", 0.04), (base, "base", -0.04)):  # offset, so that intervals do not overlap
        read = [(i + beside, getattr(point, model)) for i, point in enumerate(noisy)]
        bars = [(x, 100 * line.low, 100 * line.high) for x, line in read]
        lines.append(Series(label, [(x, 100 * line.wer) for x, line in read], bars=bars))
    return lines, ticks
