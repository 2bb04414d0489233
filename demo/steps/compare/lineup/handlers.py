"""Handlers of the line-up in step 5: several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from core.errors import RunError
from core.runs.lineup import LineUp, by_disagreement, comparable, line_up
from demo.background.outcome_cache import Outcomes
from demo.session.session import Session
from demo.steps.compare.clips.handlers import PAGE, nearest_page, nothing, turned
from demo.steps.compare.lineup import show as lineups
from demo.wording import Wording


class LineUpHandlers:
    """The handlers of the line-up panel."""

    def __init__(self, w: Wording, outcomes: Outcomes) -> None:
        self._w, self._outcomes = w, outcomes

    def offer(self, session: Session) -> dict[str, Any]:
        """-> panel, choice (the comparable runs, the last two chosen), and rates, clips and pager, still empty."""
        run = session.current_run()
        found = lineups.choices(comparable(session.runs(), run), self._w) if run is not None else []
        chosen = [id for _, id in found[-2:]]
        offered = {"panel": gr.update(visible=bool(found)), "choice": gr.update(choices=found, value=chosen)}
        return {**offered, "rates": "", "clips": "", **nothing(self._w)}

    def first(self, session: Session, choice: Sequence[str]) -> dict[str, Any]:
        """choice (ids of runs) -> rates, clips (the first page), pager."""
        return self._page(session, choice, 0)

    def back(self, session: Session, choice: Sequence[str], page: float) -> dict[str, Any]:
        """choice, page -> the previous page."""
        return self._page(session, choice, int(page or 0) - 1)

    def forward(self, session: Session, choice: Sequence[str], page: float) -> dict[str, Any]:
        """choice, page -> the next page."""
        return self._page(session, choice, int(page or 0) + 1)

    def _page(self, session: Session, chosen: Sequence[str], page: int) -> dict[str, Any]:
        if len(chosen) < 2:
            raise RunError("lineup_two", "Choose at least two runs.")
        chosen = sorted(chosen)  # by time, as listed, not in the order of ticking
        lined = line_up([self._outcomes.of(session.run(id)) for id in chosen])
        order = by_disagreement(lined)
        page = nearest_page(page, order)
        shown = order[page * PAGE : (page + 1) * PAGE]
        clips = lineups.clips(lined, shown, _urls(chosen[0], lined), self._w)
        turn = turned(order, lined.test_clips, page, self._w)
        return {"rates": lineups.rates(lined, self._w), "clips": clips, **turn}


def _urls(run: str, lined: LineUp) -> list[str]:
    return [f"/sound/run/{run}/test/{i}" for i in range(lined.test_clips)]  # a line-up keeps the first run's order
