"""Arguments shared by several commands."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from core.data.names import CANARY, REPLAY, SAMPLES
from core.models.catalogue import CATALOGUE, listed
from core.training.presets import PRESETS

DEFAULT_MODEL = CATALOGUE[0].id
SET = f"a CSV (path,text[,speaker]), a set of the library, or a sample: {', '.join(SAMPLES)}"

Commands = argparse._SubParsersAction  # of an ArgumentParser; argparse has no public name for it
Run = Callable[[argparse.Namespace], int]


def command(
    commands: Commands, name: str, run: Run, about: str, json: bool = True, options: bool = True
) -> argparse.ArgumentParser:
    """Adds a command.

    Args:
        commands: the subparsers to add it to.
        name: its name.
        run: runs it and returns the exit status.
        about: a one-sentence description.
        json: whether it can print a JSON object.
        options: whether argparse lists its options for --help.
    """
    added = commands.add_parser(name, help=about, description=about, add_help=options)
    added.set_defaults(run=run)
    if json:
        added.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    return added


def add_model(parser: argparse.ArgumentParser) -> None:
    """Adds the options for the model and the language of the speech."""
    parser.add_argument(
        "--model",
        type=model_id,
        default=DEFAULT_MODEL,
        metavar="ID",
        help=f"an id of attune models, a Hugging Face id or a folder (default {DEFAULT_MODEL})",
    )
    parser.add_argument("--language", default="", metavar="CODE", help="ISO 639-1 code of the speech, e.g. en, sw, zh")


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Adds the options for recipe settings and the seed."""
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change one setting of the recipe")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (default 0)")


def add_words(parser: argparse.ArgumentParser) -> None:
    """Adds the option for the person's own words."""
    parser.add_argument(
        "--words", metavar="W,W", help='names and terms to count one by one in the test clips: "Siobhan,Lindqvist Road"'
    )


def words_of(options: argparse.Namespace, language: str) -> tuple[str, ...]:
    """Returns the terms of `--words`, checked; none if it was not given.

    Raises:
        DatasetError: a term cannot be used, or there are too many.
    """
    from core.text.terms import check_terms, split_terms

    return check_terms(split_terms(options.words), language) if options.words else ()


def add_fine_tune(parser: argparse.ArgumentParser, out: str) -> None:
    """Adds the options for the training data, the recipe and the output folder."""
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--train", metavar="T", help=SET)
    source.add_argument(
        "--again", type=Path, metavar="RUN0", help="repeat RUN0: its model, clips, seed and recipe; --set still applies"
    )
    parser.add_argument("--validation", metavar="V", help="clips that choose the best checkpoint (default: held out from T)")
    parser.add_argument("--test", metavar="T2", help="clips to score (default: held out from T)")
    parser.add_argument(
        "--canary",
        metavar="C",
        help=f"general English speech that shows forgetting: {CANARY!r}, a CSV, or a set of the library",
    )
    parser.add_argument("--replay", metavar="R", default=REPLAY, help="a CSV of general English speech to mix in")
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        help="a named recipe (default: the one for such clips, as on the page); --set changes it further",
    )
    add_recipe(parser)
    add_words(parser)
    parser.add_argument("--out", required=True, type=Path, metavar="RUN", help=out)
    add_model(parser)


def model_id(id: str) -> str:
    """Returns an id unchanged, or the absolute path of an existing folder or file of that name."""
    try:
        return str(Path(id).absolute()) if id and listed(id) is None and Path(id).exists() else id
    except (OSError, ValueError):  # not a valid path; loading reports it
        return id


def count(text: str) -> int:
    """Parses a positive whole number from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("give a whole number, 1 or more")
    return int(text)
