"""Markup of one clip as a model between base and adapted writes it."""

from __future__ import annotations

from collections.abc import Sequence

from core.evaluation.compare import ClipComparison
from core.runs.blend_job import BlendPoint
from core.runs.report.pictures import Series, curves
from core.runs.report.verdicts import clip_errors
from core.text.metrics import mark_words, score
from core.text.scoring import UNSPACED_LANGUAGES
from core.training.recipe import MAX_BLEND
from demo.show.markup import escape, fine, marked, note, unbroken
from demo.show.numbers import percent
from demo.wording import Wording

NARROW = 0.2  # of a; nearer names would touch on a phone


def curve(points: Sequence[BlendPoint], kept: float, w: Wording) -> str:
    """Returns what the errors along the line show: a sentence, a picture and a table; empty before there are two points.

    Args:
        points: in order of a.
        kept: the place of the adapted model.
        w: the page's wording.
    """
    tested = [(point.a, point.test) for point in points if point.test is not None]
    if len(tested) < 2:
        return ""
    general = [(point.a, point.canary) for point in points if point.canary is not None]
    lines = [
        Series(w(f"blend.{name}"), [(a, 100 * counted.rate) for a, counted in found])
        for name, found in (("test", tested), ("canary", general))
        if found
    ]
    title = w("blend.chart")
    ticks = [(point.a, f"{point.a:g}") for point in points]
    svg = curves(lines, title, "a", marked=kept, x_ticks=ticks)
    figure = f'<figure id="chart-blend"><figcaption>{escape(title)}</figcaption>{svg}</figure>'
    fewest = min(counted.errors for _, counted in tested)
    at = [f"{a:g}" for a, counted in tested if counted.errors == fewest]
    sentence = w("blend.result", errors=fewest, places=w("headline.and").join(at))
    return f'{note(sentence)}<div class="charts">{figure}</div>{_table(points, kept, w)}{fine(w("blend.note"))}'


def _table(points: Sequence[BlendPoint], kept: float, w: Wording) -> str:
    head = "".join(f'<th scope="col">{escape(title)}</th>' for title in ("a", w("blend.test"), w("blend.canary")))
    rows = []
    for point in points:
        cells = "".join(
            f"<td>{escape(w('blend.errors', errors=found.errors, rate=percent(found.rate)) if found else '–')}</td>"
            for found in (point.test, point.canary)
        )
        name = "base" if point.a == 0 else "kept" if point.a == kept else ""
        called = f"{point.a:g}" + (f" ({w(f'between.mark.{name}')})" if name else "")
        rows.append(f'<tr data-place="{point.a:g}"><th scope="row">{escape(called)}</th>{cells}</tr>')
    table = f'<table class="figures"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    return f'<div class="scroll">{table}</div>'


def marks(kept: float, w: Wording) -> str:
    """Returns the names of the slider's ends, and of the place of the adapted model, below the slider."""
    named = [("base", 0.0), ("kept", kept), *([("beyond", MAX_BLEND)] if MAX_BLEND - kept > NARROW else [])]
    spans = "".join(
        f'<span class="{name}" style="left:{100 * a / MAX_BLEND:.1f}%">{escape(w(f"between.mark.{name}"))}</span>'
        for name, a in named
    )
    return f'<div class="marks" aria-hidden="true">{spans}</div>'


def written(clip: ClipComparison, text: str, a: float, kept: float, language: str, w: Wording) -> str:
    """Returns where the model is, what it writes, with the words marked against the base, and its errors.

    Args:
        clip: with its reference and the base's transcript.
        text: the transcript of the model.
        a: its place; 0 is the base.
        kept: the place of the adapted model.
        language: ISO 639-1 code of the clip.
        w: the page's wording.
    """
    where = "base" if a == 0 else "kept" if a == kept else "beyond" if a > kept else "between"
    words = mark_words(clip.reference, clip.base, text, language)[1]
    found = score([clip.reference], [text], language)
    errors = clip_errors(found.word_errors[0], clip.words, found.clip_cers[0], language, w)
    return (
        f'<p class="fine">{escape(w(f"between.{where}", a=f"{a:g}"))}</p>'
        f'<p class="transcript" aria-live="polite">{marked(words, w, language not in UNSPACED_LANGUAGES)}</p>'
        f"{fine(unbroken(errors))}{fine(w('between.said', text=clip.reference))}"
    )
