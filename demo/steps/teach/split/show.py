"""What each part of a set holds, and what that allows to conclude."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from core.data.clips.labelled_set import PARTS, Clip
from demo.show.markup import escape, fine, note
from demo.steps.teach.show import part_heads
from demo.wording import Wording


def split_table(
    clips: Sequence[tuple[Clip, float]], sentence: Callable[[Clip], str], remarks: Sequence[str], w: Wording
) -> str:
    """What each part holds, and what that allows to conclude.

    Args:
        clips: each with its duration in seconds.
        sentence: what makes two texts the same sentence.
        remarks: what is wrong with the split, and what cannot be concluded.
        w: the words.
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
