"""Markup for the report before training: a set's contents, its distributions and its problems."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from core.data.clips.labelled_set import PARTS, Clip, Dropped
from core.data.inspection.findings import SetFinding
from core.data.inspection.inspection import Histogram, Inspection
from demo.show.markup import escape, player
from demo.steps.teach.bring.show import dropped_rows, why
from demo.steps.teach.show import part_heads
from demo.wording import Wording

SHOWN_EXAMPLES = 3  # playable clips per finding
SHOWN_CHARACTERS = 20
BAR_WIDTH, BAR_HEIGHT = 600, 120
SoundAddress = Callable[[Clip], str]  # the URL of a clip's sound; "" if it has none
REPORT_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1b2330}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:4px 8px;border-bottom:1px solid #d5dae3}"
    "svg{width:100%;max-width:600px;fill:#2f5bd0}line{stroke:#55606f}.severity{font-weight:700}figure{margin:1em 0}"
)


def summary(report: Inspection, w: Wording, dropped: Sequence[Dropped] = ()) -> str:
    """Returns the report without its findings: rows, parts, and distributions of durations and speaking rates."""
    lost = len(report.checked) - report.kept
    line = w("counts.rows", rows=len(report.checked), kept=report.kept, dropped=lost, name=report.name)
    rows = "".join(
        f'<tr><th scope="row">{escape(w(f"part.{part.part}") if part.part else w("part.none"))}</th><td>{part.clips}</td>'
        f"<td>{part.minutes:.1f}</td><td>{part.speakers or '-'}</td><td>{part.sentences}</td></tr>"
        for part in report.parts
    )
    table = f'<table class="figures parts"><thead><tr>{part_heads(w)}</tr></thead><tbody>{rows}</tbody></table>'
    return (
        f'<p class="counts"><strong>{escape(line)}</strong></p>{dropped_rows(dropped, w) if dropped else ""}'
        f'<div class="scroll">{table}</div>'
        f'<div class="spreads">{histogram(report.durations, "durations", w)}{histogram(report.rates, "rates", w)}</div>'
    )


def report_links(w: Wording) -> str:
    """Returns links to download the report."""
    links = (
        f'<a href="/set/report-{w.language}.{kind}" download>{escape(w(f"inspect.download.{kind}"))}</a>'
        for kind in ("html", "csv", "json")
    )
    return f'<p class="links">{" ".join(links)}</p>'


def histogram(spread: Histogram, name: str, w: Wording) -> str:
    """Returns a histogram as bars and as a table; bins beyond the last value are left out."""
    title, total = w(f"spread.{name}"), sum(spread.counts)
    if not total:
        return ""
    last = max(i for i, count in enumerate(spread.counts) if count) + 1
    counted, edges = spread.counts[:last], spread.edges[: last + 1]
    most, width = max(counted), BAR_WIDTH / last
    bars = "".join(
        f'<rect x="{i * width + 1:.1f}" y="{BAR_HEIGHT * (1 - count / most):.1f}" width="{max(width - 2, 1):.1f}" '
        f'height="{BAR_HEIGHT * count / most:.1f}"></rect>'
        for i, count in enumerate(counted)
        if count
    )
    spoken = w("spread.spoken", title=title, low=_short(edges[0]), high=_short(edges[-1]), most=most)
    rows = "".join(
        f"<tr><td>{_short(edges[i])} – {_short(edges[i + 1])}</td><td>{count}</td></tr>"
        for i, count in enumerate(counted)
        if count
    )
    head = f'<th scope="col">{escape(w(f"spread.{name}.unit"))}</th><th scope="col">{escape(w("parts.clips"))}</th>'
    return (
        f'<figure class="spread"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {BAR_WIDTH} {BAR_HEIGHT + 22}" role="img" aria-label="{escape(spoken)}">{bars}'
        f'<line x1="0" x2="{BAR_WIDTH}" y1="{BAR_HEIGHT}" y2="{BAR_HEIGHT}"></line>'
        f'<text x="0" y="{BAR_HEIGHT + 18}">{_short(edges[0])}</text>'
        f'<text x="{BAR_WIDTH}" y="{BAR_HEIGHT + 18}" text-anchor="end">{_short(edges[-1])}</text></svg>'
        f'<details><summary>{escape(w("spread.numbers"))}</summary><table class="rows"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></details></figure>"
    )


def _short(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def finding_words(finding: SetFinding, report: Inspection, w: Wording) -> str:
    """Returns a finding as a sentence."""
    key = f"finding.{finding.kind}"
    if not w.has(key):  # rows that a run would leave out, for one of the reasons of `core.errors`
        row = next((row for row in report.checked if row.reason == finding.kind), None)
        first = Dropped("", finding.kind, row.message if row else "", details=dict(row.details) if row else {})
        return w("finding.unusable", count=finding.count, why=why(first, w))
    letters = " ".join(list(finding.details.get("characters", ()))[:SHOWN_CHARACTERS])
    value = "" if finding.value is None else _short(finding.value)
    limit = "" if finding.limit is None else _short(finding.limit)
    return w(key, count=finding.count, value=value, limit=limit, characters=letters)


def finding(finding: SetFinding, report: Inspection, sound: SoundAddress, w: Wording) -> str:
    """Returns a finding: its severity, a sentence, and some of its clips to play."""
    clips = "".join(example(clip, sound, w) for clip in finding.clips[:SHOWN_EXAMPLES])
    heard = f'<ul class="clips">{clips}</ul>' if clips else ""
    folded = (
        f"<details><summary>{escape(w('finding.examples', count=min(SHOWN_EXAMPLES, len(finding.clips))))}</summary>"
        f"{heard}</details>"
    )
    said = escape(finding_words(finding, report, w))
    left = "note" if not finding.clips and not w.has(f"finding.{finding.kind}") else finding.severity  # already left out
    label = escape(w(f"severity.{left}"))
    return (
        f'<div class="found is-{left}" data-kind="{escape(finding.kind)}"><p><span class="severity">{label}</span> '
        f"{said}</p>{folded if heard else ''}</div>"
    )


def example(clip: Clip, sound: SoundAddress, w: Wording) -> str:
    """Returns a clip with its text, speaker and part."""
    address = sound(clip)
    details = " · ".join(filter(None, (clip.speaker, w(f"part.{clip.part}") if clip.part in PARTS else "")))
    heard = player(address, w) if address else ""
    return f'<li>{heard}<span>{escape(clip.text)}</span><span class="fine">{escape(details)}</span></li>'


def document(title: str, body: str, w: Wording, style: str) -> str:
    """Returns a self-contained HTML page."""
    return (
        f'<!doctype html><html lang="{w.language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def report_document(report: Inspection, when: str, w: Wording) -> str:
    """Returns the whole report as a self-contained HTML page, without the sounds."""
    rows = [Dropped(row.clip.path, row.reason, row.message, row.where, row.details) for row in report.checked if row.reason]
    found = "".join(finding(one, report, lambda clip: "", w) for one in report.findings)
    body = f"<p>{escape(when)}</p>{summary(report, w, rows)}{found}"
    return document(w("inspect.document", name=report.name), body, w, REPORT_STYLE)


def report_rows(report: Inspection, name: Callable[[Clip], str], w: Wording) -> list[list[Any]]:
    """Returns every row as a table to download; `name` gives a clip's original file name."""
    rows: list[list[Any]] = []
    for row, fields in zip(report.checked, report.rows(), strict=True):
        said = why(Dropped("", row.reason, row.message, row.where, row.details), w) if row.reason else ""
        rows.append([name(row.clip), *(said if key == "message" else fields[key] for key in fields if key != "path")])
    head = list(report.rows()[0]) if report.checked else ["path"]
    return [head, *rows]
