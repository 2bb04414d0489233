"""Markup for the texts that a choice changes, before and after."""

from __future__ import annotations

from collections.abc import Sequence

from demo.show.markup import escape, fine, note
from demo.wording import Wording

SHOWN_PAIRS = 8  # pairs of lines


def preview(pairs: Sequence[tuple[str, str]], texts: int, w: Wording) -> str:
    """Returns the lines that a choice changes, before and after."""
    if not pairs:
        return note(w("write.same", count=texts))
    head = f'<th scope="col">{escape(w("write.before"))}</th><th scope="col">{escape(w("write.after"))}</th>'
    rows = "".join(f"<tr><td>{escape(before)}</td><td>{escape(after)}</td></tr>" for before, after in pairs[:SHOWN_PAIRS])
    count_line = fine(w("write.changes", changed=len(pairs), count=texts))
    return (
        f'{count_line}<div class="scroll"><table class="rows before-after"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
