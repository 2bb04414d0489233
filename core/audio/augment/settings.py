"""How training clips are varied, so that more is learnt from few: the choices, a part of a recipe."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import RecipeError, whole, within


@dataclass(frozen=True)
class Augmentation:
    """How clips are varied anew each time they are read. As it stands here, nothing is changed.

    Attributes:
        speed: the rate is drawn between 1 - speed and 1 + speed, in steps of 0.01; changes length and pitch
            (Ko et al. 2015, "Audio augmentation for speech recognition", who take 0.9, 1 and 1.1).
        gain: in dB; the change of level is drawn between -gain and +gain, as far as nothing clips.
        noise: share of the clips that get background noise.
        snr_low, snr_high: in dB; the signal-to-noise ratio is drawn between them, over the speech's active level.
        noises: folder of noise recordings; "" takes the built-in ones.
        reverb: share of the clips that are heard in a room.
        rooms: folder of room impulse responses; "" takes the built-in ones.
        telephone: share of the clips that pass through a telephone: 300 to 3400 Hz, 8 kHz, mu-law.
        time_mask: largest share of a clip's frames that one time mask hides (SpecAugment: Park et al. 2019).
        frequency_mask: largest share of the bands that one frequency mask hides.
        masks: how many there are of each kind.

    Raises:
        RecipeError: a field is outside its range.
    """

    speed: float = 0.0
    gain: float = 0.0
    noise: float = 0.0
    snr_low: float = 5.0
    snr_high: float = 20.0
    noises: str = ""
    reverb: float = 0.0
    rooms: str = ""
    telephone: float = 0.0
    time_mask: float = 0.0
    frequency_mask: float = 0.0
    masks: int = 2

    def __post_init__(self) -> None:
        within("speed", self.speed, 0.0, 0.5)
        within("gain", self.gain, 0.0, 40.0)
        within("snr_low", self.snr_low, -20.0, 60.0)
        within("snr_high", self.snr_high, self.snr_low, 60.0)
        for name in ("noise", "reverb", "telephone", "time_mask", "frequency_mask"):
            within(name, getattr(self, name), 0.0, 1.0)
        within("masks", self.masks, 1, 20)
        whole("masks", self.masks)
        for name in ("noises", "rooms"):
            if not isinstance(getattr(self, name), str):
                raise RecipeError("recipe_value", f"{name} takes a folder's name.", name=name, value=getattr(self, name))

    @property
    def changes_waves(self) -> bool:
        """Whether the sound itself is changed."""
        return any((self.speed, self.gain, self.noise, self.reverb, self.telephone))

    @property
    def changes_features(self) -> bool:
        """Whether parts of what the network reads are hidden."""
        return any((self.time_mask, self.frequency_mask))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Augmentation:
        """Builds an augmentation from its fields as a dict, ignoring those of another version."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in fields.items() if name in known})
