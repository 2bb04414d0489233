"""Markup for the sets of a library."""

from __future__ import annotations

from collections.abc import Sequence

from core.data.library.stored_set import StoredSet
from demo.show.languages import language_name
from demo.show.markup import escape, note
from demo.wording import Wording


def listed(sets: Sequence[StoredSet], current: str, damaged: int, w: Wording) -> str:
    """Returns a list of a library's sets; the chosen one is marked."""
    lines = []
    for stored in sets:
        language, minutes = language_name(stored.language, w), f"{stored.seconds / 60:.1f}"
        details = w("library.line", clips=len(stored.clips), minutes=minutes, language=language)
        mark = f' <span class="badge">{escape(w("library.chosen"))}</span>' if stored.id == current else ""
        lines.append(f'<li><span>{escape(stored.name)}</span><span class="fine">{escape(details)}</span>{mark}</li>')
    broken = note(w("library.damaged", count=damaged), "warning") if damaged else ""
    return (f'<ul class="clips">{"".join(lines)}</ul>' if lines else note(w("library.none"))) + broken
