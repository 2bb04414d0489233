"""Attune without a browser: the arguments of each command; the files beside this one carry them out."""

from __future__ import annotations

import argparse
import io
import logging
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from core.cli.compare import compare_runs, report_run
from core.cli.finetune import finetune_run, search_rate
from core.cli.import_export import count, take_in
from core.cli.ladder import climb_ladder
from core.cli.models import show_models
from core.cli.pretrain import add_arguments as add_pretraining
from core.cli.pretrain import pretrain_model
from core.cli.robustness import measure_robustness
from core.cli.sets import add_arguments, manage_sets
from core.cli.transcribe import transcribe_files
from core.data.exporters import LAYOUTS
from core.data.importers.formats import ARCHIVE, FORMATS
from core.data.samples import CANARY, REPLAY, SAMPLES
from core.errors import AttuneError
from core.models.catalogue import CATALOGUE, listed
from core.runs.ladder import MIN_REPEATS
from core.runs.report.words import LANGUAGES
from core.storage.disk import explained
from core.storage.files import home
from core.training.presets import PRESETS

DEFAULT_MODEL = CATALOGUE[0].id


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `attune`; returns the exit status: 0 fine, 1 the input was at fault, 130 interrupted."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and options.run is not _demo:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    options.rest = rest
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    _quiet_libraries()
    try:
        return options.run(options)
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        told = explained(error, _written_to(options))
        if isinstance(told, AttuneError):
            print(f"attune: {told}", file=sys.stderr)
        elif isinstance(error, OSError):
            print(f"attune: {error.strerror or error}{f': {error.filename}' if error.filename else ''}", file=sys.stderr)
        else:
            raise
        return 1


def _written_to(options: argparse.Namespace) -> Path:
    """The folder that a command writes to."""
    named = (getattr(options, name, None) for name in ("out", "to", "folder"))
    return next((Path(folder).absolute() for folder in named if folder), home())


def _model(id: str) -> str:
    """An id, or the path of a folder or file that is there under that name."""
    try:
        return str(Path(id).absolute()) if id and listed(id) is None and Path(id).exists() else id
    except (OSError, ValueError):  # no path at all; loading says so
        return id


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="attune", description="Adapt a pretrained speech recogniser from a few labelled clips."
    )
    jobs = parser.add_subparsers(required=True, metavar="JOB")

    def job(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        added = jobs.add_parser(name, help=text, description=text)
        added.set_defaults(run=run)
        return added

    models = job("models", show_models, "List the models: which are ready, which would be fetched.")
    task = models.add_mutually_exclusive_group()
    task.add_argument("--fetch", metavar="ID", help="fetch a model; run again to resume")
    task.add_argument(
        "--measure", nargs="*", type=_model, metavar="ID", help="time models (default: all that are ready) and keep it"
    )
    transcribe = job("transcribe", transcribe_files, "Write down what is said in sound files.")
    transcribe.add_argument("files", nargs="+", metavar="FILE")
    finetune = job("finetune", finetune_run, "Adapt a model and compare it with its base on held-out clips.")
    ladder = job(
        "ladder",
        climb_ladder,
        "Fine-tune with 5, 10, 20, 40 ... of the clips, several times each, and say how many more an error rate would take; "
        "run again to go on where it was.",
    )
    ladder.add_argument(
        "--sizes", type=_sizes, default=[], metavar="N,N...", help="numbers of clips (default 5,10,20,40 ... all)"
    )
    ladder.add_argument("--repeats", type=count, default=MIN_REPEATS, metavar="N", help=f"of each (default {MIN_REPEATS})")
    ladder.add_argument("--target", type=float, metavar="PERCENT", help="the WER asked about (default half of that with all)")
    for added, to in ((finetune, "the run folder to make"), (ladder, "the folder to make, or to go on in")):
        _add_fine_tune(added, to)
    comparison = job(
        "compare",
        compare_runs,
        "Say what a run achieved; line runs with the same test clips up; or read sound files, or a CSV's clips, with a "
        "run's base and adapted model.",
    )
    comparison.add_argument("folder", type=Path, metavar="RUN")
    comparison.add_argument("files", nargs="*", metavar="RUN_OR_FILE")
    comparison.add_argument("--recompute", action="store_true", help="transcribe the run's clips again")
    report = job("report", report_run, "Write report.html, report.md and report.json into a run's folder.")
    report.add_argument("folder", type=Path, metavar="RUN")
    report.add_argument("--language", choices=list(LANGUAGES), default="en", help="of the report's words (default en)")
    endurance = job(
        "robustness",
        measure_robustness,
        "Read a run's held-out clips with base and adapted again: in noise, in a room, over a telephone.",
    )
    endurance.add_argument("folder", type=Path, metavar="RUN")
    endurance.add_argument("--again", action="store_true", help="measure even if it has been measured")
    endurance.add_argument("--seed", type=int, default=0, help="of the noise")
    rate = job("rate", search_rate, "Find a learning rate: raise it step by step on a copy of the model and watch the loss.")
    rate.add_argument(
        "--train",
        required=True,
        metavar="T",
        help=f"a CSV (path,text[,speaker]), a set of the library, or one of: {', '.join(SAMPLES)}",
    )
    rate.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    rate.add_argument("--seed", type=int, default=0)
    taking = job("import", take_in, "Make a named set, or clips.csv and 16 kHz FLAC, of anyone's recordings.")
    taking.add_argument("--name", metavar="NAME", help="keep it in the library under this name; see attune sets")
    taking.add_argument("source", metavar="SOURCE", help="a file, a folder or an archive; an id for --format huggingface")
    giving = job("export", take_in, "Write a set for others to read.")
    giving.add_argument("source", metavar="SET", help="anything that can be imported, such as what import wrote")
    for added, to in ((taking, "SET"), (giving, "FOLDER")):
        added.add_argument("--to", required=added is giving, type=Path, metavar=to, help="the folder to make")
        added.add_argument("--language", default="en", metavar="CODE", help="ISO 639-1 code of the speech (default en)")
        added.set_defaults(format="", tier="", column=[], limit=None, layout="csv", name="")
    names = ", ".join([*(format.name for format in FORMATS), ARCHIVE])
    taking.add_argument("--format", metavar="F", help=f"one of {names} (default: found out)")
    taking.add_argument("--tier", metavar="T", help="of an ELAN or Praat annotation")
    taking.add_argument("--column", action="append", metavar="OURS=THEIRS", help="name a table's column, e.g. text=words")
    taking.add_argument("--limit", type=count, metavar="N", help="read no more rows than this")
    giving.add_argument("--format", dest="layout", choices=list(LAYOUTS), help="default csv")
    for added in (transcribe, finetune, ladder, rate):
        added.add_argument(
            "--model",
            type=_model,
            default=DEFAULT_MODEL,
            metavar="ID",
            help=f"id, hub id or folder (default {DEFAULT_MODEL})",
        )
        added.add_argument("--language", default="", metavar="CODE", help="ISO 639-1 code of the speech, e.g. en, sw, zh")
    pretraining = job(
        "pretrain",
        pretrain_model,
        "Train a network of its own: wav2vec 2.0 from sound alone and then from transcripts, or DeepSpeech from transcripts.",
    )
    add_pretraining(pretraining)
    sets = job("sets", manage_sets, "List the sets of the library; copy, merge, rename, delete, restore or verify them.")
    add_arguments(sets)
    answering = (models, transcribe, finetune, ladder, rate, comparison, report, endurance, taking, giving, pretraining, sets)
    for added in answering:
        added.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    job("demo", _demo, "Open the browser app; python -m demo --help lists its options.")
    return parser


def _add_fine_tune(parser: argparse.ArgumentParser, out: str) -> None:
    """Adds what says what to learn from, how, and where to."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--train", metavar="T", help=f"a CSV (path,text[,speaker]), a set of the library, or one of: {', '.join(SAMPLES)}"
    )
    source.add_argument(
        "--again", type=Path, metavar="RUN0", help="do what RUN0 did: its model, clips, seed, and recipe but for --set"
    )
    parser.add_argument("--validation", metavar="V", help="clips that choose the best checkpoint (default: held out from T)")
    parser.add_argument("--test", metavar="T2", help="clips that are scored (default: held out from T)")
    parser.add_argument(
        "--canary",
        metavar="C",
        help=f"English general speech that shows forgetting: {CANARY!r}, a CSV, or a set of the library",
    )
    parser.add_argument("--replay", metavar="R", default=REPLAY, help="general English speech to mix in, a CSV")
    parser.add_argument("--preset", choices=PRESETS, help="a named recipe; --set changes it further")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the recipe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help=out)


def _sizes(text: str) -> list[int]:
    return [count(size) for size in text.split(",")]


def _demo(options: argparse.Namespace) -> int:
    sys.argv = ["attune demo", *options.rest]
    runpy.run_module("demo", run_name="__main__", alter_sys=True)
    return 0


def _quiet_libraries() -> None:
    from transformers.utils import logging as transformers_logging

    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
