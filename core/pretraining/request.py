"""Every choice of a pretraining in one small dataclass, checked once, where it is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.audio.augment.settings import Augmentation
from core.errors import RecipeError, one_of, whole, within
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

    Attributes:
        stage: "contrastive": wav2vec 2.0's own objective, from sound alone; "distil": the frames of Whisper's encoder,
            from sound alone; "ctc": to write, from transcripts.
        network: "wav2vec2", or "deepspeech", which learns by "ctc" only.
        data: what to learn from: folders of sound, CSVs, sets.
        held_out: what it is measured on; "" takes the validation parts of `data`.
        start: folder of an earlier stage to go on from; "" starts from random weights.
        size: of a new network, one of `core.models.small.shapes.SIZES`.
        steps: how many; 0 where `minutes` decide.
        minutes: of time; the rate comes to 0 at their end. Such a run repeats in its batches, but not to the last digit.
        batch_seconds: sound in a batch, padding included: 16 clips of 4 s.
        rate: peak of AdamW's rate; 0 takes the stage's own of `PEAK_RATES`.
        warmup: share of the training in which the rate rises from 0; then it falls to 0 in a straight line.
        weight_decay: AdamW's, of weights with two axes or more.
        clip_norm: largest norm of a gradient.
        frozen: share of a "ctc" training in which pretrained convolutions do not learn yet (Baevski et al. never let them).
        augment: how sounds are varied each time they are read.
        evaluations: how often the held-out clips are measured on the way, at even distances; the ends come on top.
        save_minutes: between two checkpoints.
        half: whether the weights are saved, and before that measured, in float16.
        seed: of everything random.
        precision: "auto", "float32" or "bfloat16" matrix products.

    Raises:
        RecipeError: a field is outside its range, or two do not go together.
    """

    stage: str
    network: str
    data: tuple[str, ...]
    held_out: str = ""
    start: str = ""
    size: str = "teaching"
    steps: int = 0
    minutes: float = 0.0
    batch_seconds: float = 64.0
    rate: float = 0.0
    warmup: float = 0.1
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    frozen: float = 0.2
    augment: Augmentation = AUGMENTATIONS["none"]
    evaluations: int = 10
    save_minutes: float = 5.0
    half: bool = False
    seed: int = 0
    precision: str = "auto"

    def __post_init__(self) -> None:
        one_of("stage", self.stage, STAGES)
        one_of("network", self.network, NETWORKS)
        one_of("size", self.size, SIZES)
        if self.network == "deepspeech" and self.stage != "ctc":
            raise RecipeError("pretrain_stage", f"DeepSpeech has no stage {self.stage}: train it by --stage ctc.")
        if bool(self.steps) == bool(self.minutes):
            raise RecipeError("pretrain_length", "Say how long to train: --steps N or --minutes M, one of the two.")
        whole("steps", self.steps)
        whole("evaluations", self.evaluations)
        for name, low, high in (
            ("steps", 0, 10_000_000), ("minutes", 0.0, 100_000.0), ("batch_seconds", 2.0, 3600.0), ("rate", 0.0, 1.0),
            ("warmup", 0.0, 0.9), ("weight_decay", 0.0, 1.0), ("clip_norm", 1e-6, 1e6), ("frozen", 0.0, 1.0),
            ("evaluations", 0, 1000), ("save_minutes", 0.0, 1440.0), ("seed", 0, 2**31 - 1),
        ):  # fmt: skip
            within(name, getattr(self, name), low, high)

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
