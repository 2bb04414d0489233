"""`attune ladder`: measures how accuracy improves with more clips."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from core.cli.arguments import Commands, add_fine_tune, command, count
from core.cli.finetune import request_of
from core.cli.printing import print_json
from core.runs.limits import MIN_REPEATS

if TYPE_CHECKING:
    from core.runs.ladder import ClipsNeeded, Curve
    from core.runs.ladder_job import LadderJob
    from core.training.events import Event

REFUSALS = {
    "too_few_sizes": "there are too few sizes for a curve: at least four are needed",
    "too_few_repeats": "there are too few repeats for a curve: at least three of every size are needed",
    "not_falling": "more clips did not help beyond doubt, so there is no curve",
    "poor_fit": "the error rates do not follow a curve, so none is drawn",
    "below_floor": "the curve levels off above that, so more such clips do not lead there",
    "too_far": "that would take over ten times as many clips as were tried, and nobody can tell so far ahead",
}


def add(commands: Commands) -> None:
    """Adds the command."""
    about = (
        "Fine-tune with 5, 10, 20, 40 ... of the clips, several times each, and estimate how many more an error rate would "
        "take. Run it again to continue an unfinished ladder."
    )
    parser = command(commands, "ladder", run, about)
    parser.add_argument(
        "--sizes", type=_sizes, default=[], metavar="N,N...", help="numbers of clips (default 5,10,20,40 ... all)"
    )
    parser.add_argument(
        "--repeats", type=count, default=MIN_REPEATS, metavar="N", help=f"fine-tunes of each size (default {MIN_REPEATS})"
    )
    parser.add_argument("--target", type=float, metavar="PERCENT", help="the WER to aim at (default half of that with all)")
    add_fine_tune(parser, "the folder to make or to continue in")


def run(options: argparse.Namespace) -> int:
    """Runs or continues a ladder in this process, and prints the forecast of its curve."""
    from core.cli.progress import carry_out_here, show_advance
    from core.runs.ladder import learning_curve
    from core.runs.ladder_job import carry_out, create, open_ladder

    folder = options.out.resolve()
    if (folder / "request.json").is_file():
        job = open_ladder(folder)
    else:
        job = create(folder, request_of(options), options.sizes, options.repeats)
    if job.result() is None:
        carry_out_here(job, _resumed(job, carry_out), show_advance("fine-tunes", 1))
    curve = learning_curve(job.measured())
    wanted = half_of_the_best(curve) if options.target is None else options.target / 100
    found = curve.clips_for(wanted)
    if options.json:
        rows = [dataclasses.asdict(row) for row in job.measured()]
        now = {"base": job.base(), "rows": rows, "curve": curve.to_json(), "forecast": dataclasses.asdict(found)}
        print_json({**(job.result() or {}), **now})
    else:
        _print_ladder(job, curve, found)
    return 0


def half_of_the_best(curve: Curve) -> float:
    """Returns half the error rate of the largest size, which is the default target."""
    return curve.sizes[-1].wer / 2 if curve.sizes else 0.0


def _resumed(job: LadderJob, carry_out: Callable[[LadderJob], Iterator[Event]]) -> Iterator[Event]:
    job.resume()  # only while the job's lock is held
    yield from carry_out(job)


def _sizes(text: str) -> list[int]:
    return [count(size) for size in text.split(",")]


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
