"""What the jobs print alike."""

from __future__ import annotations

import json
import sys
from typing import Any

from core.events import Entered, Evaluated, Noticed, Prepared, Stepped, Trained


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


def show_progress(event: object) -> None:
    """Shows an event of a run on stderr."""
    match event:
        case Entered(phase, clips):
            line = f"{phase}{f': {clips} clips' if clips else ''}"
        case Noticed(_, message, _):
            line = f"note: {message}"
        case Prepared(clips, minutes, steps, trained, total):
            line = (
                f"{clips} clips, {minutes:.1f} min, {steps} steps; {trained / 1e6:.1f} of {total / 1e6:.1f} M learn; "
                f"{event.padding:.0%} of the batches are padding"
            )
        case Stepped(step, loss, _, _, remaining):
            line = f"step {step}: loss {loss:.3f}, about {remaining:.0f} s to go"
        case Evaluated(step, wer, _, count, watched):
            line = f"after step {step}: WER {wer:.1%} on {count} validation clips; hears: {watched}" if wer is not None else ""
        case Trained(steps, best, _, _, seconds, _):
            line = f"trained {steps} steps in {seconds:.0f} s; kept step {best}"
        case _:
            return
    if line:
        print(line, file=sys.stderr, flush=True)
