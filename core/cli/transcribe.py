"""`attune transcribe`: transcribes sound files."""

from __future__ import annotations

import argparse
import time

from core.cli.arguments import Commands, add_model, command
from core.cli.printing import print_json
from core.cli.sounds import Sounds


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = command(commands, "transcribe", run, "Transcribe sound files.")
    parser.add_argument("files", nargs="+", metavar="FILE")
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the transcripts of sound files, in their order; names those that cannot be decoded."""
    from core.models.loading import load_model

    sounds, model = Sounds(options.files), None
    rows = []
    for place, wave in sounds.decoded():
        path = options.files[place]
        model = model or load_model(options.model, language=options.language)
        begun = time.perf_counter()
        heard = model.transcribe([wave])[0]
        seconds = time.perf_counter() - begun
        rows.append({"path": path, "text": heard.text, "seconds": seconds, "language": heard.language})
        if not options.json:
            print(heard.text if len(options.files) == 1 else f"{path}: {heard.text}")
    if options.json:
        print_json({"clips": rows, "failed": sounds.failed})
    return sounds.status
