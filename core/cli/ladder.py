"""`attune ladder`: how much better more clips make it."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator

from core.cli.finetune import request_of
from core.cli.printing import carry_out_here, print_json, show_advance
from core.runs.ladder import ClipsNeeded, Curve, learning_curve
from core.runs.ladder_job import LadderJob, carry_out, create, open_ladder
from core.training.events import Event

REFUSALS = {
    "too_few_sizes": "there are too few sizes for a curve: at least four are needed",
    "too_few_repeats": "there are too few repeats for a curve: at least three of every size are needed",
    "not_falling": "more clips did not help beyond doubt, so there is no curve",
    "poor_fit": "the error rates do not follow a curve, so none is drawn",
    "below_floor": "the curve levels off above that, so more such clips do not lead there",
    "too_far": "that would take over ten times as many clips as were tried, and nobody can tell so far ahead",
}


def climb_ladder(options: argparse.Namespace) -> int:
    """Carries a ladder out in this process, or goes on with one; says what the curve expects."""
    folder = options.out.resolve()
    if (folder / "request.json").is_file():
        job = open_ladder(folder)
    else:
        job = create(folder, request_of(options), options.sizes, options.repeats)
    if job.result() is None:
        carry_out_here(job, _resumed(job), show_advance("fine-tunes", 1))
    curve = learning_curve(job.measured())
    wanted = half_of_the_best(curve) if options.target is None else options.target / 100
    found = curve.clips_for(wanted)
    if options.json:
        print_json({**(job.result() or {}), "forecast": dataclasses.asdict(found)})
    else:
        _print_ladder(job, curve, found)
    return 0


def half_of_the_best(curve: Curve) -> float:
    """Returns half the error rate of the largest size, which is asked about where nobody says what would do."""
    return curve.sizes[-1].wer / 2 if curve.sizes else 0.0


def _resumed(job: LadderJob) -> Iterator[Event]:
    job.resume()
    yield from carry_out(job)


def _print_ladder(job: LadderJob, curve: Curve, found: ClipsNeeded) -> None:
    base = job.base()
    if base is not None:
        print(f"   0 clips: WER {base:.1%}, the base")
    for size in curve.sizes:
        ends = "" if size.low is None or size.high is None else f" ({size.low:.1%} to {size.high:.1%}, 95 %)"
        print(f"{size.clips:4} clips: WER {size.wer:.1%}{ends}, {size.repeats} repeats")
    if found.clips is None:
        print(f"clips for {found.wer:.1%}: {REFUSALS[found.refusal]}")
        return
    more = [max(0, clips - curve.sizes[-1].clips) for clips in (found.clips, found.low or 0, found.high or 0)]
    top = f"to {more[2]}" if found.high is not None else "up, without end"
    print(f"about {more[0]} more clips for WER {found.wer:.1%} (95 %: {more[1]} {top}), if the curve goes on as it does")
