"""Named recipes, one per purpose; their numbers come from experiments (tests/bench/sweep.py, assets/docs/recipes.md)."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from core.audio.augment.settings import Augmentation
from core.errors import RecipeError
from core.training.recipe import MAX_EPOCHS, UNCHANGED, Recipe


@dataclass(frozen=True)
class _Numbers:
    """A preset's values for encoder-decoders.

    Attributes:
        visits: approximately epochs times clips; there are at least `MIN_EPOCHS` epochs.
        trains, learning_rate, replay, average, blend: as in `Recipe`.
        speed: as in `Augmentation`.
    """

    visits: int
    trains: str
    learning_rate: float
    replay: float = 0.0
    average: float = 0.0
    speed: float = 0.0
    blend: float = 1.0


_NUMBERS = {
    "accent": _Numbers(320, "all_but_head", 1e-5, replay=0.1, average=0.3, speed=0.1),
    "voice": _Numbers(72, "all_but_head", 5e-5, replay=0.1, blend=0.75),
    "noise": _Numbers(320, "all_but_head", 2e-5, replay=0.1, average=0.3),
    "language": _Numbers(640, "everything", 1e-4, replay=0.3),
    "words": _Numbers(96, "decoder", 5e-5, replay=0.3),
    "careful": _Numbers(320, "decoder", 2e-5, replay=0.3),
}
PRESETS = tuple(_NUMBERS)
MIN_EPOCHS = 4
CAREFUL_PULL = 0.01  # lambda
CAREFUL_SHARE = 1 / 3  # of the default rate, for families without a decoder to restrict training to
CTC_LAYERS, CTC_RATE, CTC_HEAD = 4, 5e-4, 2.0  # in the accent preset


def preset(name: str, family: str, clips: int) -> Recipe:
    """Returns a named recipe for a model family and a number of training clips.

    Families without a decoder keep their default rates and adopt the preset's other settings; for them, "voice" is "accent".

    Raises:
        RecipeError: unknown preset.
    """
    if name not in PRESETS:
        raise RecipeError("recipe_preset", f"There is no preset {name!r}. There are: {', '.join(PRESETS)}.", name=name)
    if name == "voice" and family not in ("whisper", "seq2seq"):
        name = "accent"  # a short training was measured for encoder-decoders only
    numbers, usual = _NUMBERS[name], Recipe.default(family, clips)
    recipe = dataclasses.replace(
        usual,
        epochs=max(MIN_EPOCHS, min(MAX_EPOCHS, math.ceil(numbers.visits / max(clips, 1)))),
        l2_sp=CAREFUL_PULL if name == "careful" else 0.0,
        average=numbers.average,
        blend=numbers.blend,
        augment=Augmentation(speed=numbers.speed),
    )
    if family == "ctc" and name == "accent":
        # The layers below the trained ones are computed once per clip, which rules out changes of speed. A new voice is
        # recognised as well as with all layers trained at a fifth of the rate, in half the time: assets/docs/recipes.md.
        return dataclasses.replace(
            recipe, trains="last", last_layers=CTC_LAYERS, learning_rate=CTC_RATE, head_rate=CTC_HEAD, augment=UNCHANGED
        )
    if family not in ("whisper", "seq2seq"):
        share = CAREFUL_SHARE if name == "careful" else 1.0
        return dataclasses.replace(recipe, learning_rate=share * usual.learning_rate)
    return dataclasses.replace(recipe, trains=numbers.trains, learning_rate=numbers.learning_rate, replay=numbers.replay)
