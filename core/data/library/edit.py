"""The list of a set's clips after edits of texts, speakers and parts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.data.clips.labelled_set import LabelledSet, check_text
from core.data.library import left_out
from core.data.library.stored_set import StoredSet, read_lines
from core.errors import DatasetError
from core.storage.clock import steady_time


def edited_lines(folder: Path, before: StoredSet, labelled: LabelledSet) -> list[dict[str, Any] | str]:
    """Returns the edited lines of clips.jsonl; writes nothing.

    Clips that `labelled` lacks are marked as left out; for those it has, the mark is removed. A text that merely equals the
    normalised form of the stored text changes nothing.

    Args:
        folder: the set's folder.
        before: the set before the edit.
        labelled: the edited clips.

    Raises:
        DatasetError: the set has no such clip, or a text cannot be used.
    """
    wanted = {clip.id: clip for clip in reversed(labelled.clips)}
    lines: list[dict[str, Any] | str] = []
    for line, stored in read_lines(folder):
        if stored is None:
            lines.append(line)
            continue
        clip = wanted.pop(stored.clip.id, None)
        if clip is None:
            since = {} if stored.left_out else {left_out.SINCE: steady_time()}
            lines.append({**stored.fields, **since, "left_out": True})
            continue
        text = check_text(clip.text, before.language, Path(clip.path).name)
        if text == before.normalisation.apply(stored.clip.text, before.language):
            text = stored.clip.text
        fields = {**stored.fields, "text": text, "speaker": clip.speaker, "part": clip.part}
        fields.pop("left_out", None)
        fields.pop(left_out.SINCE, None)
        lines.append(fields)
    if wanted:
        name = Path(next(iter(wanted.values())).path).name
        raise DatasetError("not_in_set", f"{before.name} has no clip {name!r}.", name=name)
    return lines
