"""What is said about a set: what became of its rows, what is wrong with it, its split, its wording. Markup, no Gradio."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from core.data.clips.labelled_set import PARTS, Clip, Dropped
from core.data.inspection.findings import SetFinding
from core.data.inspection.inspection import Histogram, Inspection
from core.data.library.stored_set import StoredSet
from demo.show.presenters import escape, fine, language_name, note, player, reason
from demo.show.progress import going
from demo.wording import Wording

SHOWN_ROWS = 50  # that are named on the page; the download has all
SHOWN_EXAMPLES = 3  # clips that a finding plays
SHOWN_CHARACTERS = 20
SHOWN_PAIRS = 8  # lines before and after
BAR_WIDTH, BAR_HEIGHT = 600, 120

PLACES = {  # as importers write them
    "counts.line": re.compile(r"(?P<file>.*), line (?P<number>\d+)"),
    "counts.piece": re.compile(r"(?P<file>.*), tier (?P<tier>.*), piece (?P<number>\d+)"),
    "counts.row": re.compile(r"(?P<file>.*), split (?P<split>.*), row (?P<number>\d+)"),
}

SoundAddress = Callable[[Clip], str]  # the address under which a clip is heard; "" where it cannot be


class Progress(Protocol):
    """How far some work is."""

    done: int
    total: int | None
    stopping: bool


def working(key: str, task: Progress, w: Wording) -> str:
    """How far a task is: a sentence, and a bar where the end is known."""
    if task.stopping:
        return note(w("bring.stopping"))
    sentence = w(key, done=task.done, total=task.total or "?")
    return going(sentence, task.done / task.total if task.total else None, w("bring.progress"))


def counts(stored: StoredSet, w: Wording) -> str:
    """What became of the rows that a set was made from, each lost one by its place."""
    kept, out, dropped = len(stored.clips), len(stored.left_out), stored.dropped
    line = w("counts.rows", rows=kept + out + len(dropped), kept=kept, dropped=len(dropped), name=stored.name)
    parts = [f'<p class="counts"><strong>{escape(line)}</strong></p>']
    if out:
        parts.append(fine(w("counts.left_out", count=out)))
    if dropped:
        parts.append(dropped_rows(dropped, w))
        link = f"/set/{stored.id}/dropped-{w.language}.csv"
        parts.append(f'<p><a href="{link}" download>{escape(w("counts.download"))}</a></p>')
    return f'<div class="card">{"".join(parts)}</div>'


def dropped_rows(dropped: Sequence[Dropped], w: Wording) -> str:
    """The lost rows: how many for what reason, and each by its place and name."""
    by_reason = Counter(why(row, w) for row in dropped)
    lines = "".join(
        f"<li>{escape(w('counts.reason', count=count, why=said))}</li>" for said, count in by_reason.most_common(10)
    )
    rows = "".join(
        f"<tr><td>{escape(place(row, w))}</td><td>{escape(row.name)}</td><td>{escape(why(row, w))}</td></tr>"
        for row in dropped[:SHOWN_ROWS]
    )
    head = "".join(f'<th scope="col">{escape(w(key))}</th>' for key in ("counts.where", "counts.file", "counts.why"))
    more = fine(w("counts.more", count=len(dropped) - SHOWN_ROWS)) if len(dropped) > SHOWN_ROWS else ""
    return (
        f'<ul class="reasons">{lines}</ul><details><summary>{escape(w("counts.each"))}</summary><div class="scroll">'
        f'<table class="rows"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>{more}</details>'
    )


def place(row: Dropped, w: Wording) -> str:
    """Where a row stood, in the page's language."""
    for key, written in PLACES.items():
        if found := written.fullmatch(row.where):
            return w(key, **found.groupdict())
    return row.where


def why(row: Dropped, w: Wording) -> str:
    """Why a row was left out, as a sentence in the page's language."""
    try:
        return reason(row.reason, row.details, row.message, w)
    except KeyError:  # the sentence names what an older set did not write down
        return row.message


def dropped_table(dropped: Sequence[Dropped], w: Wording) -> list[tuple[str, str, str, str]]:
    """The lost rows as a table to download, its first line the headings."""
    head = (w("counts.where"), w("counts.file"), "reason", w("counts.why"))
    return [head, *((place(row, w), row.name, row.reason, why(row, w)) for row in dropped)]


def summary(report: Inspection, w: Wording, dropped: Sequence[Dropped] = ()) -> str:
    """The report without its findings: rows, parts, how durations and rates are spread."""
    lost = len(report.fates) - report.kept
    line = w("counts.rows", rows=len(report.fates), kept=report.kept, dropped=lost, name=report.name)
    rows = "".join(
        f'<tr><th scope="row">{escape(w(f"part.{part.part}") if part.part else w("part.none"))}</th><td>{part.clips}</td>'
        f"<td>{part.minutes:.1f}</td><td>{part.speakers or '-'}</td><td>{part.sentences}</td></tr>"
        for part in report.parts
    )
    table = f'<table class="figures parts"><thead><tr>{_heads(w)}</tr></thead><tbody>{rows}</tbody></table>'
    return (
        f'<p class="counts"><strong>{escape(line)}</strong></p>{dropped_rows(dropped, w) if dropped else ""}'
        f'<div class="scroll">{table}</div>'
        f'<div class="spreads">{histogram(report.durations, "durations", w)}{histogram(report.rates, "rates", w)}</div>'
    )


def report_links(w: Wording) -> str:
    """Where the report is downloaded."""
    links = (
        f'<a href="/set/report-{w.language}.{kind}" download>{escape(w(f"inspect.download.{kind}"))}</a>'
        for kind in ("html", "csv", "json")
    )
    return f'<p class="links">{" ".join(links)}</p>'


def _heads(w: Wording) -> str:
    names = ("part", "clips", "minutes", "speakers", "sentences")
    return "".join(f'<th scope="col">{escape(w(f"parts.{name}"))}</th>' for name in names)


def histogram(spread: Histogram, name: str, w: Wording) -> str:
    """How values are spread, as bars and as numbers; the bins beyond the last value are left out."""
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
    """What was found, as a sentence."""
    key = f"finding.{finding.kind}"
    if not w.has(key):  # why a run would leave rows out: the reasons of `core.errors`
        fate = next((fate for fate in report.fates if fate.reason == finding.kind), None)
        row = Dropped("", finding.kind, fate.message if fate else "", details=dict(fate.details) if fate else {})
        return w("finding.unusable", count=finding.count, why=why(row, w))
    letters = " ".join(list(finding.details.get("characters", ()))[:SHOWN_CHARACTERS])
    value = "" if finding.value is None else _short(finding.value)
    limit = "" if finding.limit is None else _short(finding.limit)
    return w(key, count=finding.count, value=value, limit=limit, characters=letters)


def finding(finding: SetFinding, report: Inspection, sound: SoundAddress, w: Wording) -> str:
    """One finding: how severe, what, and some of its clips to hear."""
    clips = "".join(example(clip, sound, w) for clip in finding.clips[:SHOWN_EXAMPLES])
    heard = f'<ul class="clips">{clips}</ul>' if clips else ""
    folded = (
        f"<details><summary>{escape(w('finding.examples', count=min(SHOWN_EXAMPLES, len(finding.clips))))}</summary>"
        f"{heard}</details>"
    )
    said = escape(finding_words(finding, report, w))
    left = "note" if not finding.clips and not w.has(f"finding.{finding.kind}") else finding.severity  # out already
    label = escape(w(f"severity.{left}"))
    return (
        f'<div class="found is-{left}" data-kind="{escape(finding.kind)}"><p><span class="severity">{label}</span> '
        f"{said}</p>{folded if heard else ''}</div>"
    )


def example(clip: Clip, sound: SoundAddress, w: Wording) -> str:
    """One clip with its text and where it stands."""
    address = sound(clip)
    told = " · ".join(filter(None, (clip.speaker, w(f"part.{clip.part}") if clip.part in PARTS else "")))
    heard = player(address, w) if address else ""
    return f'<li>{heard}<span>{escape(clip.text)}</span><span class="fine">{escape(told)}</span></li>'


def split_table(
    clips: Sequence[tuple[Clip, float]], sentence: Callable[[Clip], str], remarks: Sequence[str], w: Wording
) -> str:
    """What each part holds, and what that allows to conclude.

    Args:
        clips: each with its duration in seconds.
        sentence: what makes two texts the same sentence.
        remarks: what is wrong with the split, and what cannot be concluded.
        w: the words.
    """
    rows = []
    for part in (*PARTS, ""):
        chosen = [(clip, seconds) for clip, seconds in clips if clip.part == part]
        if chosen or part:
            speakers = len({clip.speaker for clip, _ in chosen} - {""})
            sentences = len({sentence(clip) for clip, _ in chosen})
            minutes = sum(seconds for _, seconds in chosen) / 60
            name = escape(w(f"part.{part}") if part else w("part.none"))
            cells = (len(chosen), f"{minutes:.1f}", speakers or "-", sentences)
            rows.append(f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    said = "".join(note(remark) for remark in remarks) or fine(w("split.fine"))
    return (
        f'<div class="scroll"><table class="figures parts"><thead><tr>{_heads(w)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{said}"
    )


def preview(pairs: Sequence[tuple[str, str]], texts: int, w: Wording) -> str:
    """The lines that a choice changes, before and after."""
    if not pairs:
        return note(w("write.same", count=texts))
    head = f'<th scope="col">{escape(w("write.before"))}</th><th scope="col">{escape(w("write.after"))}</th>'
    rows = "".join(f"<tr><td>{escape(before)}</td><td>{escape(after)}</td></tr>" for before, after in pairs[:SHOWN_PAIRS])
    told = fine(w("write.changes", changed=len(pairs), count=texts))
    return (
        f'{told}<div class="scroll"><table class="rows before-after"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def listed(sets: Sequence[StoredSet], current: str, damaged: int, w: Wording) -> str:
    """The sets of a library; the chosen one is marked."""
    lines = []
    for stored in sets:
        language, minutes = language_name(stored.language, w), f"{stored.seconds / 60:.1f}"
        told = w("library.line", clips=len(stored.clips), minutes=minutes, language=language)
        mark = f' <span class="badge">{escape(w("library.chosen"))}</span>' if stored.id == current else ""
        lines.append(f'<li><span>{escape(stored.name)}</span><span class="fine">{escape(told)}</span>{mark}</li>')
    broken = note(w("library.damaged", count=damaged), "warning") if damaged else ""
    return (f'<ul class="clips">{"".join(lines)}</ul>' if lines else note(w("library.none"))) + broken


def document(title: str, body: str, w: Wording, style: str) -> str:
    """A page that stands by itself."""
    return (
        f'<!doctype html><html lang="{w.language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{style}</style></head>'
        f"<body><h1>{escape(title)}</h1>{body}</body></html>"
    )


def report_document(report: Inspection, when: str, w: Wording) -> str:
    """The whole report as a page that stands by itself; without sounds, which stay where they are."""
    rows = [
        Dropped(fate.clip.path, fate.reason, fate.message, fate.where, fate.details) for fate in report.fates if fate.reason
    ]
    found = "".join(finding(one, report, lambda clip: "", w) for one in report.findings)
    body = f"<p>{escape(when)}</p>{summary(report, w, rows)}{found}"
    return document(w("inspect.document", name=report.name), body, w, REPORT_STYLE)


REPORT_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1b2330}"
    "table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:4px 8px;border-bottom:1px solid #d5dae3}"
    "svg{width:100%;max-width:600px;fill:#2f5bd0}line{stroke:#55606f}.severity{font-weight:700}figure{margin:1em 0}"
)


def report_rows(report: Inspection, name: Callable[[Clip], str], w: Wording) -> list[list[Any]]:
    """What became of every row, as a table to download; a sound by the name it came with."""
    rows: list[list[Any]] = []
    for fate, row in zip(report.fates, report.rows(), strict=True):
        said = why(Dropped("", fate.reason, fate.message, fate.where, fate.details), w) if fate.reason else ""
        rows.append([name(fate.clip), *(said if key == "message" else row[key] for key in row if key != "path")])
    head = list(report.rows()[0]) if report.fates else ["path"]
    return [head, *rows]
