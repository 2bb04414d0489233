"""Output shared by several commands."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.evaluation.compare import Figures


def print_json(value: dict[str, Any]) -> None:
    """Prints a JSON object on one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_figures(figures: Mapping[str, Figures]) -> None:
    """Prints a run's results on each group of clips."""
    for group, found in figures.items():
        base, adapted, change = found.base, found.adapted, found.difference
        print(
            f"{group}: WER {base.wer:.1%} -> {adapted.wer:.1%} ({found.verdict}: {change.low:+.1%} to {change.high:+.1%}), "
            f"CER {base.cer:.1%} -> {adapted.cer:.1%}, {found.clips} clips"
        )
