"""`attune models`: lists the models, and downloads or measures them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from core.cli.arguments import Commands, command, model_id
from core.cli.printing import print_json
from core.models.catalogue import CATALOGUE, UNLISTED, Entry


def add(commands: Commands) -> None:
    """Adds the command."""
    parser = command(commands, "models", run, "List the models: which are ready, and which must be downloaded.")
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--fetch", metavar="ID", help="download a model; run it again to resume")
    task.add_argument(
        "--measure",
        nargs="*",
        type=model_id,
        metavar="ID",
        help="measure how fast models are here and keep the figure (default: all that are ready)",
    )


def run(options: argparse.Namespace) -> int:
    """Lists the models, or downloads or measures some."""
    from core.evaluation.model_speed import measure, real_time_factors
    from core.models.loading import fetch_model, is_here, ready_folder

    if options.fetch is not None:
        folder = fetch_model(options.fetch, _fetch_progress(options.fetch))
        if sys.stderr.isatty():
            print(file=sys.stderr)
        if options.json:
            print_json({"id": options.fetch, "path": folder})
        else:
            print(folder)
        return 0
    if options.measure is not None:
        for id in options.measure or [entry.id for entry in CATALOGUE if is_here(entry.id)]:
            print(f"measuring {id}", file=sys.stderr, flush=True)
            measure(id)
    rows = [_row(entry, is_here(entry.id), real_time_factors()) for entry in CATALOGUE]
    if options.json:  # also gives folders, so a bundled model is built the first time
        listed = [{**row, "path": ready_folder(entry)} for row, entry in zip(rows, CATALOGUE, strict=True)]
        print_json({"models": listed, "unlisted": [{"what": what, "typed": typed} for what, typed in UNLISTED]})
    else:
        print(f"{'':55} {'family':10} {'size':>8}  {'for':5} {'licence':12} {'to learn':>8} {'speed':>6}")
        for row in rows:
            state = "ready" if row["ready"] else f"{row['origin']}: {row['download_mb']} MB to download"
            factor = "-" if row["real_time_factor"] is None else f"{row['real_time_factor']:.2f}"
            print(
                f"{row['id']:55} {row['family']:10} {row['parameters'] / 1e6:6.1f} M  {row['languages']:5} {row['licence']:12} "
                f"{row['finetune_gb']:5.1f} GB {factor:>6}  {state}"
            )
        print("to learn: memory to fine-tune everything, estimated; speed: seconds of computing a second of sound (--measure)")
        print("\nAny other model can be typed where an id is taken:")
        for what, typed in UNLISTED:
            print(f"{typed:30} {what}")
    return 0


def _row(entry: Entry, ready: bool, factors: dict[str, float]) -> dict[str, Any]:
    return {
        "id": entry.id,
        "family": entry.family,
        "ready": ready,
        "languages": entry.languages,
        "parameters": round(entry.parameters * 1e6),
        "licence": entry.licence,
        "source": entry.source,
        "origin": "package" if entry.bundle else "release" if entry.release else "attune" if entry.shipped else "hub",
        "sha256": entry.sha256,
        "download_mb": entry.megabytes,
        "finetune_gb": round(entry.finetune_gigabytes, 1),
        "real_time_factor": factors.get(entry.id),
    }


def _fetch_progress(id: str) -> Callable[[int, int], None]:
    """Returns a callback that prints download progress to stderr: one updated line on a terminal, otherwise one per 10 %."""
    shown = -1

    def show(done: int, total: int) -> None:
        nonlocal shown
        share = 100 * done // max(total, 1)
        if share > shown and (sys.stderr.isatty() or share // 10 > shown // 10):
            shown = share
            line = f"fetching {id}: {done / 1e6:.0f} of {total / 1e6:.0f} MB"
            print(line, end="\r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)

    return show
