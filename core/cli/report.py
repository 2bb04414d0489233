"""`attune report`: writes a run's report as files."""

from __future__ import annotations

import argparse
from pathlib import Path

from core.cli.arguments import Commands, command
from core.cli.printing import print_json
from core.runs.report.words import LANGUAGES


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = command(commands, "report", run, "Write report.html, report.md and report.json to a run's folder.")
    parser.add_argument("folder", type=Path, metavar="RUN")
    parser.add_argument("--language", choices=list(LANGUAGES), default="en", help="of the report (default en)")


def run(options: argparse.Namespace) -> int:
    """Writes a run's report."""
    from core.runs import run_folder
    from core.runs.outcome import read_outcome
    from core.runs.report.document import write_report

    files = write_report(read_outcome(run_folder.open_run(options.folder.resolve())), LANGUAGES[options.language])
    if options.json:
        print_json({"files": [str(path) for path in files]})
    else:
        print("\n".join(str(path) for path in files))
    return 0
