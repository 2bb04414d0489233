"""Step 6: the report on a run."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True)
class ReportView:
    """The components of the report's part."""

    links: gr.HTML


def build() -> ReportView:
    """Lays it out; empty until there is a run."""
    return ReportView(gr.HTML(elem_id="report"))
