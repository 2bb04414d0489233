"""Presets are recipes that every family can carry out."""

from __future__ import annotations

import pytest

from core.errors import RecipeError
from core.training.presets import PRESETS, preset


@pytest.mark.parametrize("family", ["whisper", "seq2seq", "ctc", "deepspeech"])
@pytest.mark.parametrize("clips", [0, 1, 40, 10_000])
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fits_any_family_and_number_of_clips(name: str, clips: int, family: str) -> None:
    recipe = preset(name, family, clips)
    assert 4 <= recipe.epochs <= 40
    assert recipe.adapter == "none"
    assert recipe.replay == 0.0 or family in ("whisper", "seq2seq")  # others may not be able to write English


def test_careful_is_slower_and_pulled() -> None:
    for family in ("whisper", "ctc"):
        careful, usual = preset("careful", family, 40), preset("words", family, 40)
        assert careful.learning_rate < usual.learning_rate
        assert careful.l2_sp > 0 == usual.l2_sp


def test_for_accents_a_ctc_model_learns_above_what_is_kept() -> None:
    recipe = preset("accent", "ctc", 200)
    assert (recipe.trains, recipe.epochs) == ("last", 4)
    assert recipe.average > 0
    assert not recipe.augment.changes_waves  # else what lies below would be computed in every epoch


def test_there_is_no_other() -> None:
    with pytest.raises(RecipeError, match="no preset 'magic'. There are: accent, ") as caught:
        preset("magic", "whisper", 40)
    assert caught.value.reason == "recipe_preset"
