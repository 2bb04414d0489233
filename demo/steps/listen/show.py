"""Markup of step 2: the base's transcript of a clip."""

from __future__ import annotations

from demo.show.markup import escape, fine, or_nothing, player
from demo.wording import Wording


def transcript(text: str, seconds: float, sound_seconds: float, model: str, w: Wording, spoken: str = "") -> str:
    """Returns the base's transcript, the language, and how long it took."""
    shown = or_nothing(text, w)
    took = escape(w("listen.took", model=model, seconds=f"{seconds:.1f}", sound=f"{sound_seconds:.1f}"))
    said = fine(spoken) if spoken else ""
    return f'<div class="transcript" id="base-transcript" role="status">{shown}</div>{said}<p class="fine">{took}</p>'


def heard_before(text: str, url: str, w: Wording) -> str:
    """Returns the current clip's transcript and player, for a reloaded page."""
    shown = or_nothing(text, w)
    return f'<div class="transcript" id="base-transcript">{shown}</div><p>{player(url, w)}</p>'
