"""Markup of a fine-tune at one evaluation: its curves with a marker, and the model's transcripts. No Gradio, no state."""

from __future__ import annotations

from collections.abc import Sequence

from core.runs.report.pictures import Series, curves
from core.text.metrics import mark_words
from core.training.events import Evaluated, Event, Prepared, Stepped
from demo.show.markup import escape, fine, marked
from demo.show.numbers import duration, percent
from demo.wording import Wording


def evaluations(happened: Sequence[Event]) -> list[Evaluated]:
    """Returns a run's evaluations that have a transcript, oldest first."""
    return [event for event in happened if isinstance(event, Evaluated) and event.reference]


def about(happened: Sequence[Event], seen: Evaluated, w: Wording) -> str:
    """Returns a sentence with an evaluation's step, time and WER, and of how many of the validation clips that is."""
    time = duration(seen.seconds, w)
    sentence = w("watch.base_moment") if not seen.step else w("watch.moment_is", step=seen.step, time=time)
    if seen.wer is not None:
        held_out = next((event.validation for event in happened if isinstance(event, Prepared)), 0)
        key = "watch.moment_wer_some" if seen.clips < held_out else "watch.moment_wer"
        sentence += w(key, wer=percent(seen.wer), clips=seen.clips, all=held_out)
    return fine(sentence)


def charts(happened: Sequence[Event], step: int, w: Wording) -> str:
    """Returns charts of loss and WER by step, each with a marker at the given step."""
    looks = [event for event in happened if isinstance(event, Evaluated)]
    loss = [
        Series(w("adapt.of.training"), [(float(e.step), e.loss) for e in happened if isinstance(e, Stepped)], dotted=False),
        Series(w("adapt.of.validation"), [(float(e.step), e.loss) for e in looks if e.loss is not None]),
    ]
    wer = [
        Series(w("adapt.of.validation"), [(float(e.step), 100 * e.wer) for e in looks if e.wer is not None]),
        Series(w("adapt.of.general"), [(float(e.step), 100 * e.canary_wer) for e in looks if e.canary_wer is not None]),
    ]
    figures = "".join(
        f'<figure id="chart-{name}"><figcaption>{escape(w(f"adapt.{name}"))}</figcaption>'
        f"{curves([one for one in lines if one.points], w(f'adapt.{name}'), w('adapt.step_axis'), marked=float(step))}</figure>"
        for name, lines in (("loss", loss), ("wer", wer))
        if any(one.points for one in lines)
    )
    return f'<div class="charts">{figures}</div>'


def transcripts(happened: Sequence[Event], seen: Evaluated, language: str, w: Wording) -> str:
    """Returns the transcripts of every validation clip at an evaluation, with words marked against reference and base."""
    first = evaluations(happened)[0]
    said = next((event.held_out for event in happened if isinstance(event, Prepared)), ())
    if len(said) == len(seen.texts) == len(first.texts) and said:
        rows = list(zip(said, first.texts, seen.texts, strict=True))
    else:  # of an older version that kept only one clip
        rows = [(seen.reference, first.watched, seen.watched)]
    shown = "".join(_clip(*row, seen.step, language, w) for row in rows)
    return f'<div class="moments" tabindex="0" role="region" aria-label="{escape(w("adapt.watch"))}">{shown}</div>'


def _clip(said: str, before: str, now: str, step: int, language: str, w: Wording) -> str:
    base, then = mark_words(said, before, now, language)
    rows = [("watch.said", "", escape(said)), ("watch.base", "", marked(base, w))]
    if step:
        rows.append(("watch.now", "now", marked(then, w)))
    body = "".join(
        f'<dt>{escape(w(key, step=step))}</dt><dd class="{kind or "before"}">{shown}</dd>' for key, kind, shown in rows
    )
    return f'<dl class="watch">{body}</dl>'
