"""A row for removed items that can still be restored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demo.wording import Wording


@dataclass(frozen=True)
class RemovedView:
    """The components of the row, which is visible only while something can be restored."""

    row: gr.Row
    choice: gr.Dropdown
    restore: gr.Button
    delete: gr.Button

    @property
    def outputs(self) -> dict[str, Any]:
        """The components for which `offer` returns values."""
        return {"removed": self.row, "removed_choice": self.choice}


def build(name: str, w: Wording) -> RemovedView:
    """Lays out the row; `name` is the prefix of its element ids."""
    with gr.Row(visible=False, elem_classes="field-and-button", elem_id=f"{name}-removed") as row:
        choice = gr.Dropdown([], label=w("removed.choose"), scale=3, elem_id=f"{name}-removed-choice")
        restore = gr.Button(w("removed.undo"), scale=0, min_width=120, elem_id=f"{name}-undo")
        delete = gr.Button(w("removed.delete"), variant="stop", scale=0, min_width=180, elem_id=f"{name}-delete")
    return RemovedView(row, choice, restore, delete)


def offer(gone: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Returns values for `RemovedView.outputs`; the row is visible if there is something to restore.

    Args:
        gone: the removed items as (label, id), newest first.
    """
    return {
        "removed": gr.update(visible=bool(gone)),
        "removed_choice": gr.update(choices=[*gone], value=gone[0][1] if gone else None),
    }
