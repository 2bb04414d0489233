"""Markup for the split of a set: the contents of each part, and which conclusions they allow."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.data.clips.labelled_set import PARTS, Clip
from demo.show.markup import escape, fine, note
from demo.steps.teach.show import part_heads
from demo.wording import Wording


def split_table(
    clips: Sequence[tuple[Clip, float]], sentence: Callable[[Clip], str], remarks: Sequence[str], w: Wording
) -> str:
    """Returns a table of the contents of each part, with remarks.

    Args:
        clips: the clips, each with its duration in seconds.
        sentence: maps a clip to its normalised text; equal texts are the same sentence.
        remarks: problems of the split, and conclusions that it does not allow.
        w: the wording of the page's language.
    """
    rows = []
    for part in (*PARTS, ""):
        chosen = [(clip, seconds) for clip, seconds in clips if clip.part == part]
        if chosen or part:
            speakers = len({clip.speaker for clip, _ in chosen} - {""})
            sentences = len({sentence(clip) for clip, _ in chosen})
            minutes = sum(seconds for _, seconds in chosen) / 60
            name = escape(w(f"part.{part}") if part else w("part.none"))
            cells = (len(chosen), f"{minutes:.1f}", speakers or "-", sentences)
            rows.append(f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    said = "".join(note(remark) for remark in remarks) or fine(w("split.fine"))
    return (
        f'<div class="scroll"><table class="figures parts"><thead><tr>{part_heads(w)}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{said}"
    )
