"""Named recipes, one a purpose. Their numbers come from experiments: tests/bench/sweep.py, results in assets/docs/recipes.md."""

from __future__ import annotations

import dataclasses
import math

from core.augmentation import Augmentation
from core.errors import RecipeError
from core.recipe import MAX_EPOCHS, Recipe

PRESETS = ("accent", "noise", "language", "words", "careful")
VISITS = {"accent": 320, "noise": 320, "language": 640, "words": 240, "careful": 320}  # epochs times clips, about
MIN_EPOCHS = 4


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
    added = {
        "accent": {"replay": 0.2},
        "noise": {"replay": 0.2, "augment": Augmentation(noise=0.3)},
        "language": {"replay": 0.3},
        "words": {},
        "careful": {"replay": 0.3, "l2_sp": 0.01},
    }[name]
    rates = {"accent": 3e-5, "noise": 3e-5, "language": 1e-4, "words": 5e-5, "careful": 2e-5}
    if family in ("whisper", "seq2seq"):
        trains = "decoder" if name in ("words", "careful") else "everything"
        return dataclasses.replace(recipe, trains=trains, learning_rate=rates[name], **added)
    if name == "careful":
        return dataclasses.replace(recipe, learning_rate=usual.learning_rate / 3, l2_sp=0.01)
    return dataclasses.replace(recipe, augment=added.get("augment", recipe.augment))
