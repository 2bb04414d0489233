"""Markup of a line-up of runs: their error rates, the differences in settings, and each run's transcripts of the same clips."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from core.runs.lineup import LineUp, LineUpRow
from core.runs.run_folder import Run
from core.runs.run_name import read_name
from core.text.metrics import mark_words
from core.text.scoring import UNSPACED_LANGUAGES, leading_measure
from demo.show.comparisons import FINDING, play_texts
from demo.show.markup import escape, fine, marked, player
from demo.show.numbers import change, percent
from demo.wording import Wording

STAMP = "%Y%m%d-%H%M%S"  # prefix of a run's id
NOT_HELD = "–"


def choices(runs: Sequence[Run], w: Wording) -> list[tuple[str, str]]:
    """Returns finished runs as (label, id)."""
    found = []
    for run in runs:
        result = run.result()
        if result is not None and result.test:
            recipe = result.recipe
            label = w(
                "lineup.run",
                date=_date(run.id),
                trains=w(f"adapt.trains.{recipe.trains}"),
                rate=f"{recipe.learning_rate:g}",
                wer=f"WER {percent(result.test.adapted.wer)}",
            )
            name = read_name(run)
            found.append((f"{name} · {label}" if name else label, run.id))
    return found


def rates(lined: LineUp, w: Wording) -> str:
    """Returns a table with one row per run: differing settings, error rates, and the verdict against the first run."""
    keys = ("lineup.number", "lineup.settings", "figures.base", "figures.adapted", "figures.cer", "lineup.against")
    head = "".join(f'<th scope="col">{escape(w(key))}</th>' for key in keys)
    rows = []
    for number, entry in enumerate(lined.entries, 1):
        against = NOT_HELD
        if entry.against_first is not None:
            against = change(entry.against_first.difference, entry.against_first.low, entry.against_first.high, w)
            against += f", {w(f'lineup.verdict.{entry.verdict}')}"
        values = (_settings(entry, lined.entries, w), percent(entry.base), percent(entry.adapted), percent(entry.cer), against)
        cells = (f'<td data-label="{escape(w(key))}">{escape(value)}</td>' for key, value in zip(keys[1:], values, strict=True))
        parts = (w("lineup.of", number=number), *([entry.name] if entry.name else []), _date(entry.run))
        name = escape(" · ".join(parts))
        rows.append(f'<tr><th scope="row">{name}</th>{"".join(cells)}</tr>')
    units = w("lineup.characters" if leading_measure(lined.language) == "cer" else "lineup.words", count=lined.words)
    about = fine(w("lineup.about", clips=lined.test_clips, words=lined.words, units=units))
    table = f'<table class="figures lineup stacked"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="scroll">{table}</div>{about}'


def clips(lined: LineUp, shown: Sequence[int], urls: Sequence[str], w: Wording) -> str:
    """Returns each run's transcripts of some of the clips, marked against the base.

    Args:
        lined: the runs.
        shown: indices of the clips, in order.
        urls: of every clip's sound, in the order of the line-up.
        w: the page's wording.
    """
    runs = [entry.run for entry in lined.entries]
    return fine(w("lineup.order")) + "".join(_clip(lined.transcripts[i], runs, lined.language, urls[i], w) for i in shown)


def _clip(row: dict[str, Any], runs: Sequence[str], language: str, url: str, w: Wording) -> str:
    base = mark_words(row["reference"], row["base"], row["base"], language)[0]
    lines = [(w("lineup.base"), "base", base, row["base_errors"], 0)]
    for place, (text, errors) in enumerate(zip(row["adapted"], row["errors"], strict=True)):
        words = mark_words(row["reference"], row["base"], text, language)[1]
        lines.append((w("lineup.of", number=place + 1), "adapted", words, errors, place))
    body = [f"<dt>{escape(w('watch.said'))}</dt><dd>{escape(row['reference'])}</dd>"]
    for name, model, words, errors, place in lines:
        text = marked(words, w, language not in UNSPACED_LANGUAGES, pressable=True)
        times = f"/times/{w.language}/{runs[place]}/test/{row['places'][place]}"
        asks = f' role="group" aria-label="{escape(name)}" data-words="{model}" data-times="{escape(times)}"'
        body.append(f"<dt>{escape(name)}</dt><dd><span{asks}>{text}</span>{_rate(errors, row['words'])}</dd>")
    sound = f"<div>{player(url, w)}{FINDING}</div>"
    return f'<article class="lined"{play_texts(w)}>{sound}<dl class="watch">{"".join(body)}</dl></article>'


def _rate(errors: int, words: int) -> str:
    return f' <span class="fine">{percent(errors / words)}</span>'


def _settings(entry: LineUpRow, entries: Sequence[LineUpRow], w: Wording) -> str:
    """Returns the differing settings of a run, in the wording of step 4."""
    parts = []
    for name, value in entry.recipe.items():
        label = w(f"adapt.{name}") if w.has(f"adapt.{name}") else name
        shown = w(f"adapt.{name}.{value}") if w.has(f"adapt.{name}.{value}") else value
        parts.append(f"{label}: {shown}")
    for key, field in (("lineup.model", "model"), ("lineup.clips", "clips"), ("adapt.seed", "seed")):
        if len({getattr(other, field) for other in entries}) > 1:
            parts.append(f"{w(key)}: {getattr(entry, field)}")
    return "; ".join(parts) or w("lineup.same")


def _date(id: str) -> str:
    try:
        return f"{datetime.datetime.strptime(id[:15], STAMP):%Y-%m-%d %H:%M}"
    except ValueError:  # a folder named by hand
        return id
