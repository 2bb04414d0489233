"""Markup of the clip that is watched while a model learns: base on the left, what the model writes now on the right."""

from __future__ import annotations

from collections.abc import Sequence

from core.data.clips.labelled_set import Clip
from core.evaluation.compare import compare
from core.training.events import Event, Prepared, Trained, Watched
from demo.show.comparisons import side
from demo.show.markup import escape, fine
from demo.wording import Wording


def live_pair(happened: Sequence[Event], language: str, w: Wording) -> str:
    """Returns the watched clip as it is now, its words marked against the reference; "" before anything was watched.

    It is refreshed while the model learns, so screen readers do not announce it.

    Args:
        happened: the events of a run so far.
        language: of the run's labelled set.
        w: the page's wording.
    """
    places = [i for i, event in enumerate(happened) if isinstance(event, Watched)]
    steps = next((event.steps for event in happened if isinstance(event, Prepared)), 0)
    if not places or not steps:
        return ""
    seen, then = happened[places[-1]], happened[places[-1] + 1 : places[-1] + 2]
    assert isinstance(seen, Watched), "its place says so"
    kept = bool(then) and isinstance(then[0], Trained)
    pair = compare([Clip("", seen.reference, id=seen.clip)], [seen.base], [seen.text], language).clips[0]
    right = w("compare.adapted") if kept else w("live.now")
    share = min(1.0, seen.step / steps)
    key = "live.kept" if kept else "live.at" if seen.step else "live.base"
    sentence = w(key, step=seen.step, steps=steps, share=round(100 * share))
    return (
        f'<article class="pair live" data-step="{seen.step}" data-share="{share:.3f}">'
        f"{side(pair, 'base', w('compare.base'), w, language)}"
        f'<div class="said"><p>{escape(seen.reference)}</p>{fine(sentence)}</div>'
        f"{side(pair, 'adapted', right, w, language)}</article>"
    )
