"""A recipe is checked where it is built, and its errors name the field."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from typing import Any

import pytest

from core.audio.augment.settings import Augmentation
from core.errors import RecipeError
from core.training.recipe import ADAPTERS, PLANS, PRECISIONS, SCHEDULES, STARTS, TARGETS, TASKS, VOCABULARIES, Recipe

RANGES = {
    "last_layers": (1, 1000),
    "adapter_rank": (1, 1024),
    "adapter_alpha": (0.0, 1e4),
    "learning_rate": (1e-8, 1.0),
    "head_rate": (0.0, 1000.0),
    "layer_decay": (0.01, 1.0),
    "unfreeze": (0.0, 0.9),
    "epochs": (1, 1000),
    "batch_size": (1, 256),
    "accumulate": (1, 256),
    "warmup": (0.0, 0.9),
    "weight_decay": (0.0, 1.0),
    "l2_sp": (0.0, 1e6),
    "l2_new": (0.0, 1e6),
    "dropout": (0.0, 0.9),
    "layer_drop": (0.0, 0.9),
    "label_smoothing": (0.0, 0.9),
    "adversarial": (0.0, 10.0),
    "replay": (0.0, 0.9),
    "clip_norm": (1e-6, 1e6),
    "evaluations": (1, 1000),
    "patience": (0, 1000),
    "average": (0.0, 0.9),
    "drop_layers": (0, 5),
    "blend": (0.05, 1.25),
}
CHOICES = {
    "trains": PLANS,
    "adapter": ADAPTERS,
    "adapter_targets": TARGETS,
    "start": STARTS,
    "schedule": SCHEDULES,
    "precision": PRECISIONS,
    "vocabulary": VOCABULARIES,
    "task": TASKS,
}
SWITCHES = {"thin", "guards"}
WHOLE = ["epochs", "batch_size", "accumulate", "evaluations", "patience", "drop_layers", "last_layers", "adapter_rank"]


def test_every_field_is_ranged_or_chosen_or_a_switch() -> None:
    assert {field.name for field in dataclasses.fields(Recipe)} == {*RANGES, *CHOICES, *SWITCHES, "augment"}


@pytest.mark.parametrize("name", RANGES)
def test_the_ends_of_a_range_are_allowed(name: str) -> None:
    for value in RANGES[name]:
        assert getattr(Recipe(**{name: value}), name) == value


@pytest.mark.parametrize("beyond", ["below", "above", "nan", "inf", "-inf"])
@pytest.mark.parametrize("name", RANGES)
def test_a_value_out_of_range_names_its_field(name: str, beyond: str) -> None:
    low, high = RANGES[name]
    step = 1 if isinstance(low, int) else 1e-9
    value = {"below": low - step, "above": high + 1}.get(beyond) if beyond in ("below", "above") else float(beyond)
    with pytest.raises(RecipeError, match=re.escape(f"{name} must be between {low:g} and {high:g}, not ")) as caught:
        Recipe(**{name: value})
    assert caught.value.reason == "recipe_range"
    assert (caught.value.details["name"], caught.value.details["low"], caught.value.details["high"]) == (name, low, high)


@pytest.mark.parametrize("name", WHOLE)
def test_a_count_is_whole(name: str) -> None:
    with pytest.raises(RecipeError, match=f"^{name} ") as caught:
        Recipe(**{name: 2.5})
    assert caught.value.details["name"] == name


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_one_of_its_list(name: str) -> None:
    for value in CHOICES[name]:
        assert getattr(Recipe(**{name: value}), name) == value
    for value in ("nothing", "", CHOICES[name][0].upper()):
        with pytest.raises(RecipeError, match=f"^{name} is one of {CHOICES[name][0]}, .*, not '{value}'") as caught:
            Recipe(**{name: value})
        assert caught.value.reason == "recipe_value"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, {}),
        ({"epochs": "7"}, {"epochs": 7}),
        ({"learning_rate": "1e-4"}, {"learning_rate": 1e-4}),
        ({"learning_rate": "1"}, {"learning_rate": 1.0}),
        ({"l2_sp": "0.5", "epochs": " 3 "}, {"l2_sp": 0.5, "epochs": 3}),
        ({"trains": "head"}, {"trains": "head"}),
        ({"precision": "bfloat16"}, {"precision": "bfloat16"}),
        ({"thin": "false"}, {"thin": False}),
        ({"thin": "No"}, {"thin": False}),
        ({"thin": "0"}, {"thin": False}),
        ({"thin": "OFF"}, {"thin": False}),
        ({"thin": "True"}, {"thin": True}),
        ({"thin": "on"}, {"thin": True}),
    ],
)
def test_settings_from_text(settings: dict[str, str], expected: dict[str, Any]) -> None:
    changed = Recipe().changed(settings)
    assert changed == Recipe(**expected)
    for name, value in expected.items():
        assert type(getattr(changed, name)) is type(value)


def test_settings_leave_the_other_fields_and_the_original() -> None:
    before = Recipe(epochs=9, trains="head")
    assert before.changed({"l2_sp": "2"}) == Recipe(epochs=9, trains="head", l2_sp=2.0)
    assert before == Recipe(epochs=9, trains="head")


def test_settings_have_the_type_of_their_field_whatever_it_held() -> None:
    before = Recipe.from_json({"l2_sp": 0, "learning_rate": 1})  # JSON does not tell 0 from 0.0
    assert before.changed({"l2_sp": "0.5", "learning_rate": "1e-4"}) == Recipe(l2_sp=0.5, learning_rate=1e-4)


@pytest.mark.parametrize(
    ("settings", "reason", "message"),
    [
        ({"lr": "1e-4"}, "recipe_unknown", "no setting 'lr'. There are: trains, last_layers, "),
        ({"": "1"}, "recipe_unknown", "no setting ''"),
        ({"Epochs": "1"}, "recipe_unknown", "no setting 'Epochs'"),
        ({"to_json": "1"}, "recipe_unknown", "no setting 'to_json'"),
        ({"epochs": "2.5"}, "recipe_value", "^epochs takes a number, not '2.5'"),
        ({"epochs": "many"}, "recipe_value", "^epochs takes a number, not 'many'"),
        ({"epochs": ""}, "recipe_value", "^epochs takes a number, not ''"),
        ({"learning_rate": "fast"}, "recipe_value", "^learning_rate takes a number, not 'fast'"),
        ({"learning_rate": "1,5"}, "recipe_value", "^learning_rate takes a number"),
        ({"thin": "maybe"}, "recipe_value", "^thin takes true or false, not 'maybe'"),
        ({"thin": ""}, "recipe_value", "^thin takes true or false"),
        ({"trains": "all"}, "recipe_value", "^trains is one of everything"),
        ({"epochs": "0"}, "recipe_range", "^epochs must be between 1 and 1000, not 0"),
        ({"epochs": "-1"}, "recipe_range", "^epochs must be between"),
        ({"learning_rate": "nan"}, "recipe_range", "^learning_rate must be between .*not nan"),
        ({"clip_norm": "inf"}, "recipe_range", "^clip_norm must be between .*not inf"),
        ({"epochs": "3", "l2_sp": "-1"}, "recipe_range", "^l2_sp must be between"),
    ],
)
def test_settings_that_cannot_be_used(settings: dict[str, str], reason: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        Recipe().changed(settings)
    assert caught.value.reason == reason
    assert caught.value.details["name"] in settings


@pytest.mark.parametrize(
    ("clips", "epochs"),
    [(0, 40), (1, 40), (5, 40), (6, 40), (7, 35), (24, 10), (36, 7), (79, 4), (80, 3), (81, 3), (100_000, 3)],
)
@pytest.mark.parametrize(
    ("family", "trains", "learning_rate", "head_rate"),
    [("whisper", "decoder", 5e-5, 1.0), ("ctc", "all_but_front", 1e-4, 10.0), ("deepspeech", "everything", 1e-4, 1.0)],
)
def test_defaults(family: str, trains: str, learning_rate: float, head_rate: float, clips: int, epochs: int) -> None:
    recipe = Recipe.default(family, clips)
    assert recipe == Recipe(trains=trains, learning_rate=learning_rate, head_rate=head_rate, epochs=epochs)
    assert type(recipe.epochs) is int


HEAD = Recipe(
    "head", learning_rate=0.1, head_rate=2.0, layer_decay=0.5, dropout=0.2, augment=Augmentation(noise=0.5), thin=False
)


@pytest.mark.parametrize("recipe", [Recipe(), Recipe.default("ctc", 9), HEAD])
def test_a_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe


def test_from_json_takes_defaults_for_what_is_missing_and_leaves_what_it_does_not_know() -> None:
    assert Recipe.from_json({"epochs": 9, "of_a_later_version": [1, 2]}) == Recipe(epochs=9)
    assert Recipe.from_json({}) == Recipe()


def test_from_json_checks_too() -> None:
    with pytest.raises(RecipeError, match="^warmup must be between") as caught:
        Recipe.from_json({**Recipe().to_json(), "warmup": math.nan})
    assert caught.value.reason == "recipe_range"


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 3  # type: ignore[misc]
