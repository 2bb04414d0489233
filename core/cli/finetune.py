"""`attune finetune` and `attune rate`."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence

from core.audio import sound_files
from core.cli.printing import carry_out_here, print_figures, print_json, show_progress
from core.cli.sets import users_library
from core.data.canary import general_speech
from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.importers.any_format import gather, read_named
from core.data.importers.csv import read_csv
from core.data.samples import CANARY, REPLAY, WATCHED_CLIPS, read_sample
from core.errors import RecipeError
from core.models.loading import load_model, model_family
from core.runs import run_folder
from core.runs.execute import MAX_CLIP_SECONDS, execute
from core.training.presets import preset
from core.training.rate_finder import find_rate
from core.training.recipe import Recipe


def finetune_run(options: argparse.Namespace) -> int:
    """Carries a fine-tune out in this process."""
    request = request_of(options)
    run = run_folder.create(options.out.resolve(), request)
    carry_out_here(run, execute(run), show_progress)
    result = run.result()
    assert result is not None, "execute ends with a result"
    if options.json:
        print_json(result)
    else:
        print_figures(result)
        print(f"adapted model: {run.adapted}")
    return 0


def search_rate(options: argparse.Namespace) -> int:
    """Prints the loss as the rate rises."""
    labelled = gather(options.train, None, None, options.language or "en", options.seed, library=users_library())
    sounds = [(sound_files.decode(clip.path, MAX_CLIP_SECONDS), clip.text) for clip in labelled.part("train")]
    model = load_model(options.model, language=labelled.language)
    recipe = Recipe.default(model.family, len(sounds)).changed(settings_of(options.set))
    curve = find_rate(model, sounds, recipe, seed=options.seed)
    if options.json:
        print_json(dataclasses.asdict(curve))
    else:
        for rate, loss in zip(curve.rates, curve.smoothed, strict=True):
            print(f"{rate:.1e}  {loss:.3f}")
        found = f"begin with a peak rate of {curve.suggestion or 0:.1e}: a tenth of that at the lowest loss"
        print("the loss never fell" if curve.suggestion is None else found)
    return 0


def request_of(options: argparse.Namespace) -> run_folder.Request:
    """Builds what `attune finetune` was asked for."""
    settings = settings_of(options.set)
    if options.again is not None:
        before = run_folder.open_run(options.again.resolve()).request()
        return dataclasses.replace(before, recipe=before.recipe.changed(settings))
    classify = settings.get("task") == "classify"
    labelled = gather(
        options.train, options.validation, options.test, options.language or "en", options.seed, classify, users_library()
    )
    family = "classifier" if classify else model_family(options.model)
    clips = len(labelled.part("train"))
    usual = preset(options.preset, family, clips) if options.preset else Recipe.default(family, clips)
    recipe = usual.changed(settings)
    general, watch = _general(options.replay)
    canary = _canary(options.canary)
    return run_folder.Request(
        model=options.model,
        labelled_set=labelled,
        canary=() if canary is None else canary.clips,
        own=(),
        recipe=recipe,
        seed=options.seed,
        general=general if recipe.replay else (),
        watch=watch if options.canary else (),
        canary_name=canary.name if canary else CANARY,
        canary_synthetic=canary is None or canary.synthetic,
    )


def settings_of(pairs: Sequence[str]) -> dict[str, str]:
    """Reads the KEY=VALUE pairs of --set."""
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise RecipeError("recipe_value", f"--set takes KEY=VALUE, not {pair!r}.", name=pair, value="")
        settings[key.strip()] = value.strip()
    return settings


def _general(source: str) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """Returns general speech to mix in, and the last few clips of it to watch instead."""
    clips = read_sample(source).clips if source == REPLAY else tuple(read_csv(source, "en"))
    return clips[:-WATCHED_CLIPS], clips[-WATCHED_CLIPS:]


def _canary(source: str | None) -> LabelledSet | None:
    if source is None:
        return None
    if source == CANARY:
        return read_sample(CANARY)
    named, _ = read_named(source, "en", users_library())
    return general_speech(named, most=len(named.clips))
