"""`attune finetune`: adapts a model and compares it with its base."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.cli.arguments import Commands, add_fine_tune, command, words_of
from core.cli.printing import print_json, print_result
from core.data.names import CANARY, REPLAY
from core.errors import RecipeError

if TYPE_CHECKING:
    from core.data.clips.labelled_set import Clip, LabelledSet
    from core.runs.request import Request


def add(commands: Commands) -> None:
    """Adds the command."""
    about = "Adapt a model, and compare it with its base on held-out clips."
    add_fine_tune(command(commands, "finetune", run, about), "the run folder to make")


def run(options: argparse.Namespace) -> int:
    """Runs a fine-tune in this process."""
    from core.cli.progress import carry_out_here, show_progress
    from core.data.clips.parts import small_test
    from core.runs import run_folder
    from core.runs.execute import execute

    request = request_of(options)
    if shows := small_test(request.labelled_set):
        print(shows.message, file=sys.stderr)
    made = run_folder.create(options.out.resolve(), request)
    carry_out_here(made, execute(made), show_progress)
    result = made.result()
    assert result is not None, "execute ends with a result"
    if options.json:
        print_json(result.to_json())
    else:
        print_result(result, made.comparisons())
        print(f"adapted model: {made.adapted}")
    return 0


def request_of(options: argparse.Namespace) -> Request:
    """Builds the request from the options of `attune finetune`."""
    from core.cli.sets import users_library
    from core.data.importers.any_format import gather
    from core.models.loading import model_family
    from core.runs import run_folder
    from core.runs.request import build_request
    from core.training.proposal import propose

    settings = settings_of(options.set)
    if options.again is not None:
        before = run_folder.open_run(options.again.resolve()).request()
        return dataclasses.replace(before, recipe=before.recipe.changed(settings))
    classify = settings.get("task") == "classify"
    labelled = gather(
        options.train, options.validation, options.test, options.language or "en", options.seed, classify, users_library()
    )
    terms = words_of(options, labelled.language)
    proposal = propose(options.model, model_family(options.model), labelled, options.preset or "", classify, terms)
    if proposal.preset and not options.preset:
        print(f"preset: {proposal.preset}, the one for such clips; --preset chooses another", file=sys.stderr)
    recipe = proposal.recipe.changed(settings)
    canary, general = _canary(options.canary), _general(options.replay)
    return build_request(options.model, labelled, recipe, options.seed, canary, general, terms=terms)


def settings_of(pairs: Sequence[str]) -> dict[str, str]:
    """Parses the KEY=VALUE pairs of --set."""
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise RecipeError("recipe_value", f"--set takes KEY=VALUE, not {pair!r}.", name=pair, value="")
        settings[key.strip()] = value.strip()
    return settings


def _general(source: str) -> Sequence[Clip]:
    """Returns general speech to replay and to watch."""
    from core.data.importers.tables.csv import read_csv
    from core.data.samples import read_sample

    return read_sample(source).clips if source == REPLAY else read_csv(source, "en")


def _canary(source: str | None) -> LabelledSet | None:
    from core.cli.sets import users_library
    from core.data.canary import general_speech
    from core.data.importers.any_format import read_named
    from core.data.samples import read_sample

    if source is None:
        return None
    if source == CANARY:
        return read_sample(CANARY)
    named, _ = read_named(source, "en", users_library())
    return general_speech(named, most=len(named.clips))
