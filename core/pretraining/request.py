"""Every choice of a pretraining in one small dataclass, checked once, where it is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from core.audio.augment.settings import Augmentation
from core.errors import OneOf, RecipeError, Within, check_fields
from core.models.small.shapes import SIZES

STAGES = ("contrastive", "distil", "ctc")
NETWORKS = ("wav2vec2", "deepspeech")
LANGUAGE = "en"  # the letters are English ones, and so is the normalisation of the scores
AUGMENTATIONS = {
    "none": Augmentation(),
    "usual": Augmentation(speed=0.1, gain=6.0, noise=0.3, reverb=0.2, time_mask=0.05, frequency_mask=0.15),
}
PEAK_RATES = {"contrastive": 5e-4, "distil": 1e-3, "ctc": 5e-4}


@dataclass(frozen=True)
class Pretraining:
    """What to train, and how.

    Raises:
        RecipeError: a field is outside its limits, or two do not go together.
    """

    # "contrastive": wav2vec 2.0's own objective, from sound alone; "distil": the frames of Whisper's encoder, from sound
    # alone; "ctc": to write, from transcripts.
    stage: Annotated[str, OneOf(STAGES)]
    network: Annotated[str, OneOf(NETWORKS)]  # "deepspeech" learns by "ctc" only
    data: tuple[str, ...]  # what to learn from: folders of sound, CSVs, sets
    held_out: str = ""  # what it is measured on; "" takes the validation parts of `data`
    start: str = ""  # folder of an earlier stage to go on from; "" starts from random weights
    size: Annotated[str, OneOf(tuple(SIZES))] = "teaching"  # of a new network
    steps: Annotated[int, Within(0, 10_000_000)] = 0  # how many; 0 where `minutes` decide

    # Of time; the learning rate comes to 0 at their end. Such a run repeats in its batches, but not to the last digit.
    minutes: Annotated[float, Within(0.0, 100_000.0)] = 0.0

    batch_seconds: Annotated[float, Within(2.0, 3600.0)] = 64.0  # sound in a batch, padding included: 16 clips of 4 s
    rate: Annotated[float, Within(0.0, 1.0)] = 0.0  # peak of AdamW's learning rate; 0 takes the stage's own of `PEAK_RATES`

    # Share of the training in which the learning rate rises from 0; then it falls to 0 in a straight line.
    warmup: Annotated[float, Within(0.0, 0.9)] = 0.1

    weight_decay: Annotated[float, Within(0.0, 1.0)] = 0.01  # AdamW's, of weights with two axes or more
    clip_norm: Annotated[float, Within(1e-6, 1e6)] = 1.0  # largest norm of a gradient

    # Share of a "ctc" training in which pretrained convolutions do not learn yet (Baevski et al. never let them).
    frozen: Annotated[float, Within(0.0, 1.0)] = 0.2

    augment: Augmentation = AUGMENTATIONS["none"]  # how sounds are varied each time they are read

    # How often the held-out clips are measured on the way, at even distances; the ends come on top.
    evaluations: Annotated[int, Within(0, 1000)] = 10

    save_minutes: Annotated[float, Within(0.0, 1440.0)] = 5.0  # between two checkpoints
    half: bool = False  # whether the weights are saved, and before that measured, in float16
    seed: Annotated[int, Within(0, 2**31 - 1)] = 0  # of everything random
    precision: str = "auto"  # "auto", "float32" or "bfloat16" matrix products

    def __post_init__(self) -> None:
        check_fields(self)
        if self.network == "deepspeech" and self.stage != "ctc":
            raise RecipeError("pretrain_stage", f"DeepSpeech has no stage {self.stage}: train it by --stage ctc.")
        if bool(self.steps) == bool(self.minutes):
            raise RecipeError("pretrain_length", "Say how long to train: --steps N or --minutes M, one of the two.")

    @property
    def peak_rate(self) -> float:
        """The highest rate."""
        return self.rate or PEAK_RATES[self.stage]

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a plain dict, the augmentation's within."""
        return {**dataclasses.asdict(self), "data": list(self.data)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Pretraining:
        """Builds a request from `to_json`'s dict, ignoring fields of another version."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in fields.items() if name in known}
        return cls(**{**values, "data": tuple(values["data"]), "augment": Augmentation.from_json(values.get("augment") or {})})
