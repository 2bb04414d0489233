"""Handlers of the clip list in step 5: which clips are shown side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from core.evaluation.selection import select
from demo.background.outcome_cache import Outcomes
from demo.session.session import Session
from demo.show import comparisons, markup
from demo.wording import Wording

PAGE = 10  # clips per page, as hundreds would freeze the browser


class ClipsHandlers:
    """The handlers of the clip list. A page is the output `list` and the values from `turned`."""

    def __init__(self, w: Wording, outcomes: Outcomes) -> None:
        self._w, self._outcomes = w, outcomes

    def first(self, session: Session, **wanted: str) -> dict[str, Any]:
        """group, order, kind, wanted (text to search for) -> the first page."""
        return self._page(session, 0, **wanted)

    def back(self, session: Session, page: float, **wanted: str) -> dict[str, Any]:
        """group, order, kind, wanted, page -> the previous page."""
        return self._page(session, int(page or 0) - 1, **wanted)

    def forward(self, session: Session, page: float, **wanted: str) -> dict[str, Any]:
        """group, order, kind, wanted, page -> the next page."""
        return self._page(session, int(page or 0) + 1, **wanted)

    def _page(self, session: Session, page: int, group: str, order: str, kind: str, wanted: str) -> dict[str, Any]:
        run = session.current_run()
        if run is None or run.result() is None:
            return {"list": "", **nothing(self._w)}
        comparison = self._outcomes.of(run).comparisons.get(group)
        if comparison is None:
            return {"list": markup.note(self._w("clips.no_group")), **nothing(self._w)}
        chosen = select(comparison, order, kind, wanted or "")
        page = nearest_page(page, chosen)
        shown = chosen[page * PAGE : (page + 1) * PAGE]
        listed = comparisons.clip_list(run.id, group, comparison, shown, self._w)
        return {"list": listed, **turned(chosen, len(comparison.clips), page, self._w)}


def nearest_page(page: int, chosen: Sequence[int]) -> int:
    """Returns the requested page, or the nearest existing one."""
    return max(0, min(page, (len(chosen) - 1) // PAGE))


def turned(chosen: Sequence[int], all_clips: int, page: int, w: Wording) -> dict[str, Any]:
    """Returns values for a `Pager`; a button that leads nowhere is disabled, and both are hidden if there is only one page.

    Args:
        chosen: indices of all listed clips, across pages.
        all_clips: number of clips to choose from.
        page: index of the page shown, from 0.
        w: the page's wording.
    """
    last = min((page + 1) * PAGE, len(chosen))
    key = "clips.where" if len(chosen) == all_clips else "clips.where_of"
    where = w(key, first=page * PAGE + 1, last=last, shown=len(chosen), all=all_clips) if chosen else ""
    several = len(chosen) > PAGE
    return {
        "back": gr.update(visible=several, interactive=page > 0),
        "where": markup.fine(where) if where else "",
        "forward": gr.update(visible=several, interactive=last < len(chosen)),
        "page": page,
    }


def nothing(w: Wording) -> dict[str, Any]:
    """Returns values for a `Pager` when no clips are listed."""
    return turned([], all_clips=0, page=0, w=w)
