"""Markup for the rows of an import: how many were kept, and where and why others were dropped."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from core.data.clips.labelled_set import Dropped
from core.data.library.stored_set import StoredSet
from demo.show.errors import reason
from demo.show.markup import escape, fine
from demo.wording import Wording

SHOWN_ROWS = 50  # listed on the page; the download has all
PLACES = {  # as importers write them
    "counts.line": re.compile(r"(?P<file>.*), line (?P<number>\d+)"),
    "counts.piece": re.compile(r"(?P<file>.*), tier (?P<tier>.*), piece (?P<number>\d+)"),
    "counts.row": re.compile(r"(?P<file>.*), split (?P<split>.*), row (?P<number>\d+)"),
}


def counts(stored: StoredSet, w: Wording) -> str:
    """Returns how many rows of a set's source were kept, and each dropped row with its place."""
    kept, out, dropped = len(stored.clips), len(stored.left_out), stored.dropped
    line = w("counts.rows", rows=kept + out + len(dropped), kept=kept, dropped=len(dropped), name=stored.name)
    parts = [f'<p class="counts"><strong>{escape(line)}</strong></p>']
    if out:
        parts.append(fine(w("counts.left_out", count=out)))
    parts += [fine(reason(note.reason, note.details, note.message, w)) for note in stored.notes]
    if dropped:
        parts.append(dropped_rows(dropped, w))
        link = f"/set/{stored.id}/dropped-{w.language}.csv"
        parts.append(f'<p><a href="{link}" download>{escape(w("counts.download"))}</a></p>')
    return f'<div class="card">{"".join(parts)}</div>'


def dropped_rows(dropped: Sequence[Dropped], w: Wording) -> str:
    """Returns the dropped rows: counts by reason, and each row's place and name."""
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
    """Returns the place of a row in its source, in the page's language."""
    for key, written in PLACES.items():
        if found := written.fullmatch(row.where):
            return w(key, **found.groupdict())
    return row.where


def why(row: Dropped, w: Wording) -> str:
    """Returns why a row was dropped, as a sentence in the page's language."""
    return reason(row.reason, row.details, row.message, w)


def dropped_table(dropped: Sequence[Dropped], w: Wording) -> list[tuple[str, str, str, str]]:
    """Returns the dropped rows as a table to download; the first line has the headings."""
    head = (w("counts.where"), w("counts.file"), "reason", w("counts.why"))
    return [head, *((place(row, w), row.name, row.reason, why(row, w)) for row in dropped)]
