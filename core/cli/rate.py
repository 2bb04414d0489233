"""`attune rate`: searches for a learning rate."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from core.cli.arguments import SET, Commands, add_model, add_recipe, command
from core.cli.printing import print_json


def add(commands: Commands) -> None:
    """Adds the command."""
    about = "Find a learning rate: raise it step by step on a copy of the model and watch the loss."
    parser = command(commands, "rate", run, about)
    parser.add_argument("--train", required=True, metavar="T", help=SET)
    add_recipe(parser)
    add_model(parser)


def run(options: argparse.Namespace) -> int:
    """Prints the loss as the learning rate rises."""
    from core.audio.sound_files import MAX_CLIP_SECONDS
    from core.audio.waves import Labelled
    from core.cli.finetune import settings_of
    from core.cli.sets import users_library
    from core.data.clips.labelled_set import decode_clips
    from core.data.importers.any_format import gather
    from core.models.loading import load_model
    from core.training.proposal import propose
    from core.training.rate_finder import find_rate

    labelled = gather(options.train, None, None, options.language or "en", options.seed, library=users_library())
    waves, clips, dropped = decode_clips(labelled.part("train"), MAX_CLIP_SECONDS)
    for row in dropped:
        print(f"dropped: {row.message}", file=sys.stderr)
    sounds = Labelled(waves, [clip.text for clip in clips])
    model = load_model(options.model, language=labelled.language)
    recipe = propose(options.model, model.family, labelled).recipe.changed(settings_of(options.set))
    curve = find_rate(model, sounds, recipe, seed=options.seed)
    if options.json:
        print_json(dataclasses.asdict(curve))
    else:
        for rate, loss in zip(curve.rates, curve.smoothed, strict=True):
            print(f"{rate:.1e}  {loss:.3f}")
        found = f"start with a peak learning rate of {curve.suggestion or 0:.1e}: a tenth of that at the lowest loss"
        print("the loss never fell" if curve.suggestion is None else found)
    return 0
