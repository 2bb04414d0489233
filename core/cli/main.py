"""The entry point of the `attune` command line; each command is a file in this folder.

A command's file has `add`, which describes its arguments, and `run`, which runs it. Computing libraries are imported within
`run`, so that help, lists and argument errors appear at once.
"""

from __future__ import annotations

import argparse
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from core.cli import (
    blend,
    compare,
    demo,
    export_set,
    finetune,
    import_set,
    ladder,
    models,
    pretrain,
    rate,
    report,
    robustness,
    sets,
    transcribe,
)
from core.errors import AttuneError
from core.storage.files import home
from core.storage.full_disk import explained

# In the order of the help text.
COMMANDS = (
    models,
    transcribe,
    finetune,
    ladder,
    compare,
    report,
    robustness,
    blend,
    rate,
    import_set,
    export_set,
    pretrain,
    sets,
    demo,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `attune` and returns the exit status: 0 success, 1 a problem with the input, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = build_parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not demo.run:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    _prepare_libraries()
    try:
        return options.run(options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        explanation = explained(error, _written_to(options))
        if isinstance(explanation, AttuneError):
            print(f"attune: {explanation}", file=sys.stderr)
        elif isinstance(error, OSError):
            print(f"attune: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        else:
            raise
        return 1


def build_parser() -> argparse.ArgumentParser:
    """Builds the parser for all commands."""
    parser = argparse.ArgumentParser(
        prog="attune", description="Adapt a pretrained speech recogniser from a few labelled clips."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add(commands)
    return parser


def _written_to(options: argparse.Namespace) -> Path:
    """Returns the folder that a command writes to."""
    named = (getattr(options, name, None) for name in ("out", "to", "folder"))
    return next((Path(folder).absolute() for folder in named if folder), home())


def _prepare_libraries() -> None:
    """Sets environment variables that libraries read on import: transformers prints only errors, and no progress bars."""
    from core.storage.memory import keep_torch_small

    keep_torch_small()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
