"""Augmentation settings, a part of a recipe: how training clips are varied."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from core.errors import RecipeError, Within, check_fields, within

HIGHEST_SNR = 60.0  # dB


@dataclass(frozen=True)
class Augmentation:
    """How clips are varied each time they are used. The defaults change nothing.

    Raises:
        RecipeError: a field is outside its limits.
    """

    # The rate is drawn between 1 - speed and 1 + speed, in steps of 0.01; changes length and pitch (Ko et al. 2015, "Audio
    # augmentation for speech recognition", who take 0.9, 1 and 1.1).
    speed: Annotated[float, Within(0.0, 0.5)] = 0.0

    # In dB; the change of level is drawn between -gain and +gain, as far as nothing clips.
    gain: Annotated[float, Within(0.0, 40.0)] = 0.0

    noise: Annotated[float, Within(0.0, 1.0)] = 0.0  # share of the clips that get background noise
    # In dB; the signal-to-noise ratio is drawn between them, over the speech's active level.
    snr_low: Annotated[float, Within(-20.0, HIGHEST_SNR)] = 5.0
    snr_high: float = 20.0  # from `snr_low` to HIGHEST_SNR
    noises: str = ""  # folder of noise recordings; "" takes the built-in ones

    reverb: Annotated[float, Within(0.0, 1.0)] = 0.0  # share of the clips that get a room's reverberation
    rooms: str = ""  # folder of room impulse responses; "" takes the built-in ones

    # Share of the clips that get telephone sound: 300 to 3400 Hz, 8 kHz, mu-law.
    telephone: Annotated[float, Within(0.0, 1.0)] = 0.0

    # Largest share of a clip's frames that one time mask hides (SpecAugment: Park et al. 2019), and of the bands that one
    # frequency mask hides.
    time_mask: Annotated[float, Within(0.0, 1.0)] = 0.0
    frequency_mask: Annotated[float, Within(0.0, 1.0)] = 0.0
    masks: Annotated[int, Within(1, 20)] = 2  # how many there are of each kind

    def __post_init__(self) -> None:
        check_fields(self)
        within("snr_high", self.snr_high, self.snr_low, HIGHEST_SNR)
        for name in ("noises", "rooms"):
            if not isinstance(getattr(self, name), str):
                raise RecipeError("recipe_value", f"{name} takes a folder's name.", name=name, value=getattr(self, name))

    @property
    def changes_waves(self) -> bool:
        """Whether the sound itself is changed."""
        return any((self.speed, self.gain, self.noise, self.reverb, self.telephone))

    @property
    def changes_features(self) -> bool:
        """Whether parts of the features are masked."""
        return any((self.time_mask, self.frequency_mask))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Augmentation:
        """Builds an augmentation from its fields as a dict, ignoring those of another version."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in fields.items() if name in known})
