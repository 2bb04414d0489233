"""`attune demo`: the browser app."""

from __future__ import annotations

import argparse
import sys

from core.cli.arguments import Commands, command


def add(commands: Commands) -> None:
    """Adds the command; its arguments are those of `python -m demo`."""
    command(commands, "demo", run, "Open the browser app; python -m demo --help lists its options.", json=False)


def run(options: argparse.Namespace) -> int:
    """Runs the app until it is interrupted."""
    import runpy

    sys.argv = ["attune demo", *options.rest]
    runpy.run_module("demo", run_name="__main__", alter_sys=True)
    return 0
