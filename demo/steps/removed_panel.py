"""What was removed and can still be restored."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.wording import Wording


@dataclass(frozen=True)
class RemovedView:
    """A row that is only shown while something can be restored."""

    row: gr.Row
    choice: gr.Dropdown
    restore: gr.Button
    delete: gr.Button

    @property
    def parts(self) -> tuple[gr.Row, gr.Dropdown]:
        """What `shown` answers for."""
        return self.row, self.choice


def build(name: str, w: Wording) -> RemovedView:
    """Lays the row out; `name` begins the ids of its parts."""
    with gr.Row(visible=False, elem_classes="field-and-button", elem_id=f"{name}-removed") as row:
        choice = gr.Dropdown([], label=w("removed.choose"), scale=3, elem_id=f"{name}-removed-choice")
        restore = gr.Button(w("removed.undo"), scale=0, min_width=120, elem_id=f"{name}-undo")
        delete = gr.Button(w("removed.delete"), variant="stop", scale=0, min_width=180, elem_id=f"{name}-delete")
    return RemovedView(row, choice, restore, delete)
