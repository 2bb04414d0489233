"""Markup for one's own words: what is wrong with edited sentences."""

from __future__ import annotations

from collections.abc import Sequence

from core.text.carriers import Faulty
from demo.show.markup import escape, note
from demo.wording import Wording


def faults(found: Sequence[Faulty], w: Wording) -> str:
    """Returns a sentence for each line that cannot stay as it is; "" if all can."""
    if not found:
        return ""
    rows = "".join(
        f"<li>{escape(w(f'words.fault.{one.fault}', side=w(f'words.{one.side}'), line=one.line, sentence=one.sentence))}</li>"
        for one in found
    )
    return f'{note(w("words.faults"), "warning")}<ul class="fine">{rows}</ul>'
