"""The notice about clips that a job cannot use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.data.clips.labelled_set import Dropped
from core.training.events import Noticed


def clips_dropped(dropped: Sequence[Dropped]) -> Noticed:
    """Returns a notice about clips that cannot be used."""
    first = dropped[0]
    return Noticed(
        "clips_dropped",
        f"{len(dropped)} clips were left out; the first: {first.message}",
        {"clips": len(dropped), "name": Path(first.path).name},
    )
