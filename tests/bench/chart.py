"""The benchmark's picture: time, memory and errors of the trainings, and the seconds a clip of the recognisers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.storage.files import replacing
from tests.bench import table
from tests.bench.adapting import CTC
from tests.bench.arms import ARMS
from tests.bench.table import PLAIN, PLAIN_BF16, Row, by_arm, change, middle
from tests.bench.transcribing import OURS

OURS_COLOUR, THEIRS_COLOUR, OTHER_COLOUR = "#2456c9", "#9aa5b5", "#c98a24"
INK, MUTED = "#1d2533", "#55606f"
STYLE = {
    "svg.hashsalt": "attune",  # else every drawing has other ids
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def draw(rows: Sequence[Row], path: Path) -> bool:
    """Draws the first machine's figures that have a plain Whisper training; returns whether there were any."""
    for here, own in table.groups(rows):
        trained = by_arm(r for r in own if r["job"]["kind"] == "train" and r["job"]["model"] != CTC)
        sizes = sorted({clips for clips, arm in trained if arm == PLAIN}, key=lambda clips: (clips != 200, -clips))
        if not sizes:
            continue
        arms = {arm: repeats for (clips, arm), repeats in trained.items() if clips == sizes[0]}
        reading = {r["job"]["arm"]: r for r in own if r["job"]["kind"] == "transcribe" and r["job"]["repeat"] == 0}
        with matplotlib.rc_context(STYLE):
            figure = Figure(figsize=(10, 2.6 + 0.26 * (len(arms) + 2 * len(reading))), layout="constrained")
            told = f"In brackets: how many times less than {PLAIN} / {PLAIN_BF16}"
            figure.suptitle(f"Whisper tiny.en, {sizes[0]} clips. {here}\n{told}", fontsize=8, color=MUTED)
            grid = figure.add_gridspec(
                2 if reading else 1, 3, height_ratios=[len(arms), 1 + 2 * len(reading)][: 1 + bool(reading)]
            )
            _bars(figure.add_subplot(grid[0, 0]), "Training, seconds", _of(arms, lambda row: row["train"]))
            _bars(figure.add_subplot(grid[0, 1]), "Peak memory, GB", _of(arms, lambda row: row["peak"] / 1e9), labels=False)
            _changes(figure.add_subplot(grid[0, 2]), arms)
            if reading:
                _readings(figure.add_subplot(grid[1, :]), reading)
            with replacing(path) as temporary:
                figure.savefig(temporary, format="svg", metadata={"Date": None})
        return True
    return False


def _of(arms: dict[str, list[Row]], figure: Any) -> dict[str, float]:
    return {arm: middle(repeats, figure) for arm, repeats in arms.items()}


def _bars(axes: Axes, title: str, values: dict[str, float], labels: bool = True) -> None:
    places = range(len(values))
    axes.barh(places, list(values.values()), color=[_colour(arm) for arm in values], height=0.7)
    for place, (arm, value) in zip(places, values.items(), strict=True):
        others = [values[other] / value for other in (PLAIN, PLAIN_BF16) if other in values] if arm not in ARMS else []
        shown = f" {value:.3g}" + (f"  ({' / '.join(f'{times:.1f}' for times in others)})" if others else "")
        axes.text(value, place, shown, va="center", fontsize=7.5)
    axes.set_yticks(places, list(values) if labels else [""] * len(values))
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.set_xlim(0, 1.3 * max(values.values()))
    axes.set_title(title, loc="left", fontsize=9, fontweight="bold")


def _changes(axes: Axes, arms: dict[str, list[Row]]) -> None:
    axes.axvline(0, color=INK, linewidth=0.8)
    for shift, part, colour, name in ((-0.17, "test", OURS_COLOUR, "target"), (0.17, "canary", OTHER_COLOUR, "general speech")):
        for place, (arm, repeats) in enumerate(arms.items()):
            interval = change(arms[PLAIN], repeats, part) if arm != PLAIN else None
            if interval is not None:
                low, at, high = (100 * value for value in (interval.low, interval.difference, interval.high))
                axes.plot([low, high], [place + shift] * 2, color=colour, linewidth=1.5)
                axes.plot(at, place + shift, "o", color=colour, markersize=4, label=name)
    axes.set_yticks(range(len(arms)), [""] * len(arms))
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_title("WER minus plain's, points", loc="left", fontsize=9, fontweight="bold")
    handles, names = axes.get_legend_handles_labels()
    shown = dict(zip(names, handles, strict=True))
    if shown:
        axes.legend(
            list(shown.values()), list(shown), fontsize=7, frameon=False, loc="upper right", bbox_to_anchor=(1, -0.14), ncols=2
        )


def _readings(axes: Axes, reading: dict[str, Row]) -> None:
    names = list(dict.fromkeys(name for row in reading.values() for name in row["sets"]))
    places, values, labels, colours = [], [], [], []
    for number, name in enumerate(names):
        for arm, row in reading.items():
            places.append(len(places) + number)
            values.append(row["sets"][name])
            labels.append(f"{arm}, {name}")
            colours.append(OURS_COLOUR if arm.startswith(OURS) else THEIRS_COLOUR)
    axes.barh(places, [v["one"] for v in values], color=colours, height=0.75, alpha=0.45)
    axes.barh(places, [v["batch"] for v in values], color=colours, height=0.4)
    for place, value in zip(places, values, strict=True):
        axes.text(
            max(value["one"], value["batch"]), place, f" {value['one']:.2f} / {value['batch']:.2f}", va="center", fontsize=7.5
        )
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.set_title("Transcribing, seconds a clip: one at a time (pale) / in batches", loc="left", fontsize=9, fontweight="bold")


def _colour(arm: str) -> str:
    return THEIRS_COLOUR if arm in ARMS else OURS_COLOUR
