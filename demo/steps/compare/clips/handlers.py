"""Step 5, a part of it: which clips are shown side by side."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from core.evaluation.selection import select
from demo.background.outcomes import Outcomes
from demo.session.session import Session
from demo.show import comparisons, presenters
from demo.wording import Wording

PAGE = 10  # clips at a time, so that hundreds do not freeze the page


class ClipsHandlers:
    """What happens in the list of clips. A page is its clips, then what `turned` returns."""

    def __init__(self, w: Wording, outcomes: Outcomes) -> None:
        self._w, self._outcomes = w, outcomes

    def first(self, session: Session, group: str, order: str, kind: str, wanted: str) -> tuple:
        """Group, order, kind, search -> the first page."""
        return self._page(session, group, order, kind, wanted, 0)

    def back(self, session: Session, group: str, order: str, kind: str, wanted: str, page: float) -> tuple:
        """Group, order, kind, search, page -> the page before."""
        return self._page(session, group, order, kind, wanted, int(page or 0) - 1)

    def forward(self, session: Session, group: str, order: str, kind: str, wanted: str, page: float) -> tuple:
        """Group, order, kind, search, page -> the page after."""
        return self._page(session, group, order, kind, wanted, int(page or 0) + 1)

    def _page(self, session: Session, group: str, order: str, kind: str, wanted: str, page: int) -> tuple:
        run = session.current_run()
        if run is None or run.result() is None:
            return "", *turned([], 0, 0, self._w)
        comparison = self._outcomes.of(run).comparisons.get(group)
        if comparison is None:
            return presenters.note(self._w("clips.no_group")), *turned([], 0, 0, self._w)
        chosen = select(comparison, order, kind, wanted or "")
        page = within(page, chosen)
        shown = chosen[page * PAGE : (page + 1) * PAGE]
        listed = comparisons.clip_list(run.id, group, comparison, shown, self._w)
        return listed, *turned(chosen, len(comparison.clips), page, self._w)


def within(page: int, chosen: Sequence[int]) -> int:
    """Returns the page asked for, or the nearest there is."""
    return max(0, min(page, (len(chosen) - 1) // PAGE))


def turned(chosen: Sequence[int], all_clips: int, page: int, w: Wording) -> tuple:
    """Back, which clips these are, forward, page; a button that leads nowhere is dead, and both go where one page is all."""
    last = min((page + 1) * PAGE, len(chosen))
    key = "clips.where" if len(chosen) == all_clips else "clips.where_of"
    where = w(key, first=page * PAGE + 1, last=last, shown=len(chosen), all=all_clips) if chosen else ""
    several = len(chosen) > PAGE
    back, forward = (gr.update(visible=several, interactive=more) for more in (page > 0, last < len(chosen)))
    return back, presenters.fine(where) if where else "", forward, page
