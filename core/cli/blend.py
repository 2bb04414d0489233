"""`attune blend`: counts the errors of the models between a run's base and adapted model, and beyond."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.arguments import Commands, command
from core.cli.printing import print_json


def add(commands: Commands) -> None:
    """Adds the command."""
    about = "Count errors along the line from a run's base to its adapted model and beyond: theta_p + a (theta - theta_p)."
    parser = command(commands, "blend", run, about)
    parser.add_argument("folder", type=Path, metavar="RUN")
    parser.add_argument("--again", action="store_true", help="measure once more, even if it has been measured")


def run(options: argparse.Namespace) -> int:
    """Measures in this process, unless already measured, and prints the error rates at every place."""
    from core.cli.progress import carry_out_here, show_advance
    from core.runs import run_folder
    from core.runs.blend_job import carry_out, create, find

    measured = run_folder.open_run(options.folder.resolve())
    job = find(measured)
    if job is None or options.again or job.result() is None:
        job = create(measured)
        carry_out_here(job, carry_out(job), show_advance("places", 0))
    if options.json:
        print_json(job.result() or {})
        return 0
    result = measured.result()
    for point in job.points():
        rates = [f"{name} {found.errors} of {found.length}" for name in ("test", "canary") if (found := getattr(point, name))]
        kept = "  (kept)" if result is not None and point.a == result.blend else ""
        print(f"a = {point.a:4g}: errors {', '.join(rates)}{kept}")
    return 0
