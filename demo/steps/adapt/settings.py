"""The recipe settings that the page offers: their groups and input types, but not their wording."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args, get_type_hints

from core.audio.augment.settings import Augmentation
from core.errors import OneOf, RecipeError, limits
from core.training.recipe import Recipe

# Rows of fields, group by group, in the order of the lesson.
GROUPS = {
    "learns": (
        ("task", "trains", "last_layers"),
        ("adapter", "adapter_targets"),
        ("adapter_rank", "adapter_alpha", "vocabulary"),
    ),
    "rates": (
        ("learning_rate", "head_rate", "layer_decay"),
        ("epochs", "batch_size", "accumulate"),
        ("schedule", "warmup", "unfreeze"),
    ),
    "holds": (
        ("l2_sp", "l2_new", "weight_decay"),
        ("dropout", "layer_drop", "label_smoothing"),
        ("patience", "average", "adversarial"),
        ("blend",),
    ),
    "data": (
        ("augment.speed", "augment.gain", "augment.noise"),
        ("augment.snr_low", "augment.snr_high", "augment.reverb"),
        ("augment.telephone", "augment.time_mask", "augment.frequency_mask"),
        ("replay",),
    ),
}
NAMES = tuple(name for rows in GROUPS.values() for row in rows for name in row)
CHOICES = {name: mark.values for name, (_, mark) in limits(Recipe).items() if isinstance(mark, OneOf) and name in NAMES}

_TYPES = {**get_type_hints(Recipe), **{f"augment.{name}": kind for name, kind in get_type_hints(Augmentation).items()}}
WHOLE = frozenset(name for name in NAMES if _TYPES[name] is int)
OPTIONAL = frozenset(name for name in NAMES if type(None) in get_args(_TYPES[name]))  # empty: the model's own value


def values(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe's values, keyed by `NAMES`."""
    fields = recipe.settings()
    return {name: fields[name] for name in NAMES}


def recipe_of(fields: Mapping[str, Any]) -> Recipe:
    """Builds a recipe from the values of the page's components, keyed by `NAMES`.

    Raises:
        RecipeError: a field is empty, out of range or unknown.
    """
    settings = {}
    for name, value in fields.items():
        if value is None and name not in OPTIONAL:
            raise RecipeError("recipe_value", f"{name} is empty.", name=name, value="")
        settings[name] = str(int(value)) if name in WHOLE and value is not None else str(value)
    return Recipe().changed(settings)
