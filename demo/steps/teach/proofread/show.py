"""Markup for the drafts of a long recording: a row's sound and the base's confidence, progress, and the work left."""

from __future__ import annotations

import math

from core.data.drafts import Draft, Drafts
from demo.show.markup import fine, note, player
from demo.show.numbers import duration, percent
from demo.show.progress import going
from demo.steps.teach.proofread.long_recordings import About, key_of
from demo.wording import Wording

ROWS = 6  # per page


def about(id: str, draft: Draft, w: Wording) -> str:
    """Returns a draft's player, its start time and the base's confidence."""
    key = "proofread.accepted" if draft.accepted else "proofread.sure"
    details = w(key, start=_clock(draft.start), seconds=f"{draft.end - draft.start:.1f}", share=percent(math.exp(-draft.doubt)))
    url = f"/sound/long/{id}/{key_of(draft)}"
    state = " accepted" if draft.accepted else ""
    return f'<div class="draft{state}">{player(url, w)}{fine(details)}</div>'


def progress(about: About, left: float | None, stopping: bool, w: Wording) -> str:
    """Returns the progress of the transcription: a sentence and a bar."""
    if stopping:
        return note(w("proofread.stopping"))
    sentence = w("proofread.reading", name=about.name, read=about.read, spans=about.spans)
    if left is not None:
        sentence += w("model.to_go", time=duration(left, w))
    return going(sentence, about.read / max(1, about.spans), w("proofread.progress"))


def summary(about: About, drafts: Drafts, shows_any: bool, w: Wording, *, page: int, pages: int) -> str:
    """Returns how many drafts are left and accepted, and the page number.

    Args:
        about: the recording's metadata.
        drafts: all drafts of the recording.
        shows_any: whether the chosen order shows any of them.
        w: the wording of the page's language.
        page: number of this page, from 0.
        pages: number of pages.
    """
    accepted = [draft for draft in drafts if draft.accepted]
    details = w(
        "proofread.summary",
        name=about.name,
        time=duration(about.seconds, w),
        left=len(drafts) - len(accepted),
        accepted=len(accepted),
        seconds=f"{sum(draft.span.seconds for draft in accepted):.0f}",
    )
    if not shows_any:
        return fine(details) + note(w("proofread.all_accepted" if accepted else "proofread.nothing_left"), "good")
    return fine(details) + (fine(w("proofread.page", page=page + 1, pages=pages)) if pages > 1 else "")


def _clock(seconds: float) -> str:
    return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
