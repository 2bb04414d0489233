"""`attune robustness`: measures a run's base and adapted model in noise, in a room and over the telephone."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.arguments import Commands, command
from core.cli.printing import print_json


def add(commands: Commands) -> None:
    """Adds the command."""
    about = "Transcribe a run's held-out clips again with base and adapted: in noise, in a room, over a telephone."
    parser = command(commands, "robustness", run, about)
    parser.add_argument("folder", type=Path, metavar="RUN")
    parser.add_argument("--again", action="store_true", help="measure once more, even if it has been measured")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default 0)")


def run(options: argparse.Namespace) -> int:
    """Measures a run's robustness in this process, unless already measured, and prints both models' error rates."""
    from core.cli.progress import carry_out_here, show_advance
    from core.runs import run_folder
    from core.runs.robustness_job import carry_out, create, find

    measured = run_folder.open_run(options.folder.resolve())
    job = find(measured)
    if job is None or options.again or job.result() is None:
        job = create(measured, options.seed)
        carry_out_here(job, carry_out(job), show_advance("conditions", 0))
    if options.json:
        print_json(job.result() or {})
        return 0
    for point in job.points():
        ends = f"{point.difference.low:+.1%} to {point.difference.high:+.1%}"
        print(f"{point.condition:10} WER {point.base.wer:7.1%} -> {point.adapted.wer:7.1%} ({ends})")
    return 0
