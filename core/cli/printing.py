"""What several commands print."""

from __future__ import annotations

import json
from typing import Any


def print_json(value: dict[str, Any]) -> None:
    """Prints one JSON object as one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_figures(result: dict[str, Any]) -> None:
    """Prints what a run came to."""
    for group in ("test", "canary"):
        if result.get(group):
            base, adapted, change = (result[group][name] for name in ("base", "adapted", "difference"))
            clips = result[group]["clips"]
            print(
                f"{group}: WER {base['wer']:.1%} -> {adapted['wer']:.1%} ({result[group]['verdict']}: "
                f"{change['low']:+.1%} to {change['high']:+.1%}), CER {base['cer']:.1%} -> {adapted['cer']:.1%}, "
                f"{clips if isinstance(clips, int) else len(clips)} clips"
            )
