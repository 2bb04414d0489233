"""`attune robustness`: a run's base and adapted model in noise, in a room and over the telephone."""

from __future__ import annotations

import argparse

from core.cli.printing import carry_out_here, print_json, show_advance
from core.runs import run_folder
from core.runs.robustness_job import carry_out, create, find


def measure_robustness(options: argparse.Namespace) -> int:
    """Measures in this process what has not been measured yet, and prints both models' error rates."""
    run = run_folder.open_run(options.folder.resolve())
    job = find(run)
    if job is None or options.again or job.result() is None:
        job = create(run, options.seed)
        carry_out_here(job, carry_out(job), show_advance("conditions", 0))
    if options.json:
        print_json(job.result() or {})
        return 0
    for point in job.points():
        ends = f"{point.difference.low:+.1%} to {point.difference.high:+.1%}"
        print(f"{point.condition:10} WER {point.base.wer:7.1%} -> {point.adapted.wer:7.1%} ({ends})")
    return 0
