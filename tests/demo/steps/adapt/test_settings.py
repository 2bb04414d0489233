"""The page's fields and a recipe are two forms of the same thing."""

from __future__ import annotations

import dataclasses

import pytest

from core.errors import RecipeError
from core.training.presets import PRESETS, preset
from core.training.recipe import Recipe
from demo.steps.adapt import settings
from demo.steps.adapt import show as layers
from demo.steps.compare import show as analyses
from demo.wording import Wording

W = Wording("en")


@pytest.mark.parametrize("family", ["whisper", "ctc", "deepspeech", "seq2seq"])
@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_the_page(name: str, family: str) -> None:
    recipe = preset(name, family, 36)
    assert settings.recipe_of(settings.values(recipe)) == recipe


def test_numbers_come_back_from_the_page_as_floats() -> None:
    recipe = settings.recipe_of({**settings.values(Recipe()), "epochs": 7.0, "dropout": None})
    assert (recipe.epochs, type(recipe.epochs), recipe.dropout) == (7, int, None)


@pytest.mark.parametrize("name", ["learning_rate", "epochs", "trains", "augment.noise"])
def test_an_empty_field_is_named(name: str) -> None:
    with pytest.raises(RecipeError, match=f"^{name} is empty"):
        settings.recipe_of({**settings.values(Recipe()), name: None})


def test_what_is_whole_or_may_be_empty_follows_from_the_types() -> None:
    values = settings.values(Recipe())
    assert {name for name, value in values.items() if type(value) is int} == settings.WHOLE
    assert {name for name, value in values.items() if value is None} == settings.OPTIONAL


def test_every_field_of_a_recipe_is_offered_or_left_out_on_purpose() -> None:
    left_out = {"start", "clip_norm", "evaluations", "guards", "precision", "thin", "drop_layers"}
    folders = {"augment.noises", "augment.rooms", "augment.masks"}  # of the server: a visitor must not name them
    assert set(Recipe().settings()) == {*settings.NAMES, *left_out, *folders}


def test_nothing_to_show_shows_nothing() -> None:
    assert layers.drift((), 0, W) == ""
    assert analyses.tradeoff([], "", W) == ""


def test_a_recipe_of_the_page_can_be_repeated_by_its_settings() -> None:
    recipe = dataclasses.replace(preset("accent", "whisper", 36), dropout=0.1)
    usual = Recipe.default("whisper", 36)
    changes = {name: str(value) for name, value in recipe.settings().items() if value != usual.settings()[name]}
    assert usual.changed(changes) == recipe
