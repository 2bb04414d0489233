"""The pretraining request: every setting in one small dataclass, validated when it is built."""

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
LANGUAGE = "en"  # the alphabet is English, and so is the normalisation for scoring
AUGMENTATIONS = {
    "none": Augmentation(),
    "usual": Augmentation(speed=0.1, gain=6.0, noise=0.3, reverb=0.2, time_mask=0.05, frequency_mask=0.15),
}
PEAK_RATES = {"contrastive": 5e-4, "distil": 1e-3, "ctc": 5e-4}


@dataclass(frozen=True)
class Pretraining:
    """What to train, and how.

    Raises:
        RecipeError: a field is outside its limits, or two fields conflict.
    """

    # "contrastive": wav2vec 2.0's own objective, from audio alone; "distil": predict the frames of Whisper's encoder, from
    # audio alone; "ctc": learn to transcribe, from transcripts.
    stage: Annotated[str, OneOf(STAGES)]
    network: Annotated[str, OneOf(NETWORKS)]  # "deepspeech" supports only "ctc"
    data: tuple[str, ...]  # training data: folders of audio, CSVs, sets
    held_out: str = ""  # evaluation data; "" takes the validation parts of `data`
    start: str = ""  # folder of an earlier stage to start from; "" trains from scratch
    size: Annotated[str, OneOf(tuple(SIZES))] = "teaching"  # of a new network
    steps: Annotated[int, Within(0, 10_000_000)] = 0  # number of steps; 0 if `minutes` is given

    # Training time; the learning rate reaches 0 at its end. Repeating such a run gives the same batches, but not bit-exact
    # results.
    minutes: Annotated[float, Within(0.0, 100_000.0)] = 0.0

    batch_seconds: Annotated[float, Within(2.0, 3600.0)] = 64.0  # audio in a batch, padding included: 16 clips of 4 s
    rate: Annotated[float, Within(0.0, 1.0)] = 0.0  # AdamW's peak learning rate; 0 takes the stage's from `PEAK_RATES`

    # Share of the training during which the learning rate rises from 0; then it falls linearly to 0.
    warmup: Annotated[float, Within(0.0, 0.9)] = 0.1

    weight_decay: Annotated[float, Within(0.0, 1.0)] = 0.01  # AdamW's, for weights with two or more dimensions
    clip_norm: Annotated[float, Within(1e-6, 1e6)] = 1.0  # maximum gradient norm

    # Initial share of a "ctc" training during which pretrained convolutions are frozen (Baevski et al. freeze them throughout).
    frozen: Annotated[float, Within(0.0, 1.0)] = 0.2

    augment: Augmentation = AUGMENTATIONS["none"]  # random changes to clips, each time they are read

    # Number of evaluations during training, at even intervals, in addition to those at its start and end.
    evaluations: Annotated[int, Within(0, 1000)] = 10

    save_minutes: Annotated[float, Within(0.0, 1440.0)] = 5.0  # between checkpoints
    half: bool = False  # whether the final weights are evaluated and saved in float16
    seed: Annotated[int, Within(0, 2**31 - 1)] = 0  # for everything random
    precision: str = "auto"  # "auto", "float32" or "bfloat16" matrix products

    def __post_init__(self) -> None:
        check_fields(self)
        if self.network == "deepspeech" and self.stage != "ctc":
            raise RecipeError("pretrain_stage", f"DeepSpeech has no stage {self.stage}: train it with --stage ctc.")
        if bool(self.steps) == bool(self.minutes):
            raise RecipeError("pretrain_length", "Say how long to train: --steps N or --minutes M, one of the two.")

    @property
    def peak_rate(self) -> float:
        """The peak learning rate."""
        return self.rate or PEAK_RATES[self.stage]

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a plain dict, with the augmentation's nested."""
        return {**dataclasses.asdict(self), "data": list(self.data)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Pretraining:
        """Builds a request from `to_json`'s dict, ignoring unknown fields of another version."""
        known = {field.name for field in dataclasses.fields(cls)}
        values = {name: value for name, value in fields.items() if name in known}
        return cls(**{**values, "data": tuple(values["data"]), "augment": Augmentation.from_json(values.get("augment") or {})})
