"""`attune demo`: the browser app."""

from __future__ import annotations

import argparse
import sys

from core.cli.arguments import Commands, command


def add(commands: Commands) -> None:
    """Adds the command; its arguments, help among them, are those of `python -m demo`."""
    command(commands, "demo", run, "Open the browser app.", json=False, options=False)


def run(options: argparse.Namespace) -> int:
    """Runs the app until it is interrupted."""
    import runpy

    own, sys.argv = sys.argv, ["attune demo", *options.rest]
    try:
        runpy.run_module("demo", run_name="__main__", alter_sys=True)
    finally:
        sys.argv = own
    return 0
