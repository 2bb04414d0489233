"""Markup of one's own words in step 5: how often base and adapted got each right, and what they wrote instead."""

from __future__ import annotations

from collections.abc import Sequence

from core.evaluation.term_counts import TermCount, flipped
from demo.show.markup import escape
from demo.wording import Wording


def table(counts: Sequence[TermCount], w: Wording) -> str:
    """Returns a row for each word that was said in a held-out clip; "" if none was."""
    said = [count for count in counts if count.times]
    if not said:
        return ""
    head = [w(f"terms.{name}") for name in ("word", "base", "adapted", "base_wrote", "adapted_wrote")]
    columns = "".join(f'<th scope="col">{escape(name)}</th>' for name in head)
    rows = []
    for count in said:
        wrote = (_listed(texts, w) for texts in (count.base_wrote, count.adapted_wrote))
        cells = [_squares(count.base, count.times, w), _squares(count.adapted, count.times, w), *map(escape, wrote)]
        marked = "".join(f'<td data-label="{escape(name)}">{cell}</td>' for name, cell in zip(head[1:], cells, strict=True))
        rows.append(f'<tr><th scope="row">{escape(count.term)}</th>{marked}</tr>')
    body = f"<thead><tr>{columns}</tr></thead><tbody>{''.join(rows)}</tbody>"
    heading, found = escape(w("terms.title")), escape(_summary(said, w))
    return f'<h3>{heading}</h3><p>{found}</p><div class="scroll"><table class="figures stacked terms">{body}</table></div>'


def _summary(said: Sequence[TermCount], w: Wording) -> str:
    words, right, times = flipped(said)
    return w("terms.flipped", words=words, right=right, times=times) if words else w("terms.known")


def _listed(texts: Sequence[str], w: Wording) -> str:
    return w("recipe.and").join(text or w("compare.nothing") for text in texts)


def _squares(right: int, times: int, w: Wording) -> str:
    """Returns the count in words, with a square for each time: filled where the model was right."""
    squares = "".join(f'<i class="{"done" if number < right else ""}"></i>' for number in range(times))
    return f'<span class="squares" aria-hidden="true">{squares}</span> {escape(w("terms.of", right=right, times=times))}'
