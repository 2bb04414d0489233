"""Named recipes, one a purpose; their numbers come from experiments (tests/bench/sweep.py, assets/docs/recipes.md)."""

from __future__ import annotations

import dataclasses
import math

from core.errors import RecipeError
from core.recipe import MAX_EPOCHS, Recipe

PRESETS = ("accent", "noise", "language", "words", "careful")
VISITS = {"accent": 320, "noise": 320, "language": 640, "words": 240, "careful": 320}  # epochs times clips, about
MIN_EPOCHS = 6
RATES = {"accent": 1e-5, "noise": 1e-5, "language": 1e-4, "words": 5e-5, "careful": 2e-5}  # of encoder-decoders
REPLAYED = {"accent": 0.2, "noise": 0.2, "language": 0.3, "words": 0.0, "careful": 0.3}  # share of general speech
CAREFUL_PULL = 0.01  # lambda
CAREFUL_SHARE = 1 / 3  # of the usual rate, where there is no decoder to keep to


def preset(name: str, family: str, clips: int) -> Recipe:
    """Returns a named recipe for a model family and a number of training clips.

    The families without a decoder keep their own default rates, and take what a preset adds to them.

    Raises:
        RecipeError: there is no such preset.
    """
    if name not in PRESETS:
        raise RecipeError("recipe_preset", f"There is no preset {name!r}. There are: {', '.join(PRESETS)}.", name=name)
    usual = Recipe.default(family, clips)
    recipe = dataclasses.replace(usual, epochs=max(MIN_EPOCHS, min(MAX_EPOCHS, math.ceil(VISITS[name] / max(clips, 1)))))
    if family not in ("whisper", "seq2seq"):
        share = CAREFUL_SHARE if name == "careful" else 1.0
        return dataclasses.replace(
            recipe, learning_rate=share * usual.learning_rate, l2_sp=CAREFUL_PULL if name == "careful" else 0.0
        )
    if name in ("words", "careful"):
        recipe = dataclasses.replace(recipe, trains="decoder", l2_sp=CAREFUL_PULL if name == "careful" else 0.0)
    else:
        recipe = dataclasses.replace(recipe, trains="everything")
    return dataclasses.replace(recipe, learning_rate=RATES[name], replay=REPLAYED[name])
