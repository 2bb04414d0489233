"""Which choices of a recipe the page offers, in which group, and how each is asked for. Names and kinds, no words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from core.errors import RecipeError
from core.training.recipe import ADAPTERS, PLANS, SCHEDULES, TARGETS, TASKS, VOCABULARIES, Recipe

CHOICES = {
    "task": TASKS,
    "trains": PLANS,
    "adapter": ADAPTERS,
    "adapter_targets": TARGETS,
    "vocabulary": VOCABULARIES,
    "schedule": SCHEDULES,
}
WHOLE = frozenset({"last_layers", "adapter_rank", "epochs", "batch_size", "accumulate", "patience", "augment.masks"})
OPTIONAL = frozenset({"dropout", "layer_drop"})  # empty: as the model has it

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
    ),
    "data": (
        ("augment.speed", "augment.gain", "augment.noise"),
        ("augment.snr_low", "augment.snr_high", "augment.reverb"),
        ("augment.telephone", "augment.time_mask", "augment.frequency_mask"),
        ("replay",),
    ),
}
NAMES = tuple(name for rows in GROUPS.values() for row in rows for name in row)


def values(recipe: Recipe) -> tuple[Any, ...]:
    """Returns a recipe's values in the order of `NAMES`."""
    fields = recipe.settings()
    return tuple(fields[name] for name in NAMES)


def recipe_of(given: Sequence[Any]) -> Recipe:
    """Builds a recipe from values in the order of `NAMES`.

    Raises:
        RecipeError: a field is empty or outside its range.
    """
    settings = {}
    for name, value in zip(NAMES, given, strict=True):
        if value is None and name not in OPTIONAL:
            raise RecipeError("recipe_value", f"{name} is empty.", name=name, value="")
        settings[name] = str(int(value)) if name in WHOLE and value is not None else str(value)
    return Recipe().changed(settings)
