"""Markup of one clip as a model between base and adapted writes it."""

from __future__ import annotations

from core.evaluation.compare import ClipComparison
from core.runs.report.verdicts import clip_errors
from core.text.metrics import mark_words, score
from core.text.scoring import UNSPACED_LANGUAGES
from core.training.recipe import MAX_BLEND
from demo.show.markup import escape, fine, marked, unbroken
from demo.wording import Wording

NARROW = 0.2  # of a; nearer names would touch on a phone


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
