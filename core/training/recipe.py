"""The recipe: every setting of a fine-tune in one small dataclass, validated when it is built."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_type_hints

from core.audio.augment.settings import Augmentation
from core.errors import OneOf, RecipeError, Within, check_fields

PLANS = ("everything", "all_but_front", "all_but_head", "encoder", "decoder", "last", "head")
ADAPTERS = ("none", "lora", "dora", "ia3")
TARGETS = ("attention", "feed_forward", "all")
STARTS = ("pretrained", "random")
SCHEDULES = ("linear", "cosine", "constant")
VOCABULARIES = ("auto", "keep", "extend", "new")
TASKS = ("transcribe", "classify")
PRECISIONS = ("auto", "float32", "bfloat16")
DEFAULT_CLIP_VISITS = 240  # epochs times clips is about this, 30 steps of 8: the fewer the clips, the more epochs
CLASSIFIER_VISITS = 1200  # a head alone over cached features learns quickly, and each visit costs almost nothing
MIN_EPOCHS, MAX_EPOCHS = 3, 40  # of the default recipe
MAX_BLEND = 1.25  # a quarter beyond what was trained


UNCHANGED = Augmentation()  # clips as recorded


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune.

    Raises:
        RecipeError: a field is outside its limits.
    """

    # The trained parts: "everything"; "all_but_front" (not the convolutions); "all_but_head" (not the output layer, nor the
    # embedding table it is tied to); "encoder" (convolutions and encoder); "decoder" (with the output layer; in a family
    # without a decoder only the output layer); "last" (the top `last_layers` numbered layers and everything above them); or
    # "head". The rest keeps its pretrained values; a new output layer is always trained.
    trains: Annotated[str, OneOf(PLANS)] = "everything"
    last_layers: Annotated[int, Within(1, 1000)] = 2  # how many numbered layers "last" trains

    # "none": the weights chosen by `trains` are trained directly. Otherwise small adapters beside them are: "lora" (Hu et al.
    # 2021, arXiv 2106.09685), "dora" (Liu et al. 2024, arXiv 2402.09353) or "ia3" (Liu et al. 2022, arXiv 2205.05638).
    adapter: Annotated[str, OneOf(ADAPTERS)] = "none"
    adapter_rank: Annotated[int, Within(1, 1024)] = 16  # for LoRA and DoRA: alpha / rank * B A is added to a weight
    adapter_alpha: Annotated[float, Within(0.0, 1e4)] = 32.0
    adapter_targets: Annotated[str, OneOf(TARGETS)] = "attention"  # which projections get an adapter

    # "random" is the control experiment: the same architecture trained from scratch.
    start: Annotated[str, OneOf(STARTS)] = "pretrained"

    learning_rate: Annotated[float, Within(1e-8, 1.0)] = 3e-5  # peak of AdamW's
    head_rate: Annotated[float, Within(0.0, 1000.0)] = 1.0  # the head's learning rate, as a multiple of `learning_rate`

    # Each layer's learning rate as a share of that of the layer above; 1 trains all at the same rate (Howard & Ruder 2018,
    # arXiv 1801.06146, "discriminative fine-tuning").
    layer_decay: Annotated[float, Within(0.01, 1.0)] = 1.0

    # Gradual unfreezing (same paper): share of the steps over which the layers are unfrozen one by one from the top; 0
    # trains all from the first step.
    unfreeze: Annotated[float, Within(0.0, 0.9)] = 0.0

    epochs: Annotated[int, Within(1, 1000)] = 5  # passes over the training clips
    batch_size: Annotated[int, Within(1, 256)] = 8  # clips per gradient computation
    accumulate: Annotated[int, Within(1, 256)] = 1  # batches per step
    warmup: Annotated[float, Within(0.0, 0.9)] = 0.1  # share of the steps during which the learning rate rises from 0
    schedule: Annotated[str, OneOf(SCHEDULES)] = "linear"  # afterwards the rate falls to 0, or stays "constant"

    weight_decay: Annotated[float, Within(0.0, 1.0)] = 0.0  # AdamW's decoupled decay towards 0

    # lambda in L(theta) + lambda * ||theta - theta_p||^2, the pull towards the pretrained values (Li et al. 2018, arXiv
    # 1802.01483, equation 3).
    l2_sp: Annotated[float, Within(0.0, 1e6)] = 0.0

    # The second coefficient of that equation: beta * ||theta_new||^2 over parameters that were not pretrained, such as a
    # new output layer's.
    l2_new: Annotated[float, Within(0.0, 1e6)] = 0.0

    # Probability that an activation is dropped in training; None keeps the model's setting.
    dropout: Annotated[float | None, Within(0.0, 0.9)] = None
    # Probability that a whole layer is skipped in training; None keeps the model's setting.
    layer_drop: Annotated[float | None, Within(0.0, 0.9)] = None

    label_smoothing: Annotated[float, Within(0.0, 0.9)] = 0.0  # share of the target probability spread over all labels

    # Epsilon of a step along the sign of the gradient at the network's input (FGSM, Goodfellow et al. 2015, arXiv
    # 1412.6572), in the input's unit; the loss is the mean of the clean and the perturbed loss. 0 = none.
    adversarial: Annotated[float, Within(0.0, 10.0)] = 0.0

    augment: Augmentation = UNCHANGED  # random changes to training clips, different in every epoch
    replay: Annotated[float, Within(0.0, 0.9)] = 0.0  # share of the training clips that are general speech, against forgetting
    clip_norm: Annotated[float, Within(1e-6, 1e6)] = 1.0  # maximum gradient norm
    evaluations: Annotated[int, Within(1, 1000)] = 5  # how often the validation clips are transcribed during training

    # Training stops after this many consecutive evaluations without a better validation WER; 0 disables this.
    patience: Annotated[int, Within(0, 1000)] = 0

    # Final share of the steps whose parameters are averaged (stochastic weight averaging, Izmailov et al. 2018, arXiv
    # 1803.05407); the average takes the place of the last step. 0 = none.
    average: Annotated[float, Within(0.0, 0.9)] = 0.0

    # a in theta_p + a (theta - theta_p): how far along the line from the base to the trained weights the model that is kept
    # lies (WiSE-FT, Wortsman et al. 2021, arXiv 2109.01903). 1 keeps what was trained; less forgets less; more goes beyond.
    # 0, the base, is left out: nothing could be got back from it.
    blend: Annotated[float, Within(0.05, MAX_BLEND)] = 1.0

    # Whether training stops by itself when continuing would waste time; see `core.training.guards`.
    guards: bool = True

    precision: Annotated[str, OneOf(PRECISIONS)] = "auto"  # of matrix products; parameters are always float32
    thin: bool = True  # whether Whisper skips most of its padding frames

    # The characters a CTC model writes: "keep" its vocabulary and drop other characters; "extend" it with unseen ones from
    # the training texts; build a "new" one from the training texts alone; or "auto": keep it if it has every letter, extend
    # it if it lacks some, build a new one if it lacks over 30 % of them or there is none.
    vocabulary: Annotated[str, OneOf(VOCABULARIES)] = "auto"

    # "transcribe" any sentence, or "classify" each clip as one of the training texts (a closed set of words).
    task: Annotated[str, OneOf(TASKS)] = "transcribe"

    # How many of DeepSpeech's top layers get random weights before training, as in its own transfer learning.
    drop_layers: Annotated[int, Within(0, 5)] = 0

    def __post_init__(self) -> None:
        check_fields(self)

    @classmethod
    def default(cls, family: str, clips: int) -> Recipe:
        """Returns the default recipe for a model family ("classifier" for that task) and a number of training clips.

        The fewer the clips, the more epochs. The learning rate matters most (see the measurements in the README).
        """
        epochs = max(MIN_EPOCHS, min(MAX_EPOCHS, math.ceil(DEFAULT_CLIP_VISITS / max(clips, 1))))
        if family == "classifier":
            epochs = max(MIN_EPOCHS, min(MAX_EPOCHS, math.ceil(CLASSIFIER_VISITS / max(clips, 1))))
            return cls(trains="head", learning_rate=1e-3, epochs=epochs, task="classify")
        if family == "ctc":
            return cls(trains="all_but_front", learning_rate=1e-4, head_rate=10.0, epochs=epochs)
        if family == "deepspeech":  # as its own manual fine-tunes the released models; not measured here
            return cls(trains="everything", learning_rate=1e-4, epochs=epochs)
        return cls(trains="decoder", learning_rate=5e-5, epochs=epochs)

    def replayed(self, own: int) -> int:
        """Returns how many clips of general speech are replayed beside a number of the set's own training clips."""
        return round(own * self.replay / (1 - self.replay))

    def changed(self, settings: Mapping[str, str]) -> Recipe:
        """Returns a copy with fields replaced from text, as given by `--set KEY=VALUE`.

        Augmentation fields have a prefix: `augment.noise=0.5`.

        Raises:
            RecipeError: unknown field, or a value of the wrong type or out of range.
        """
        types = get_type_hints(Recipe)
        inner = get_type_hints(Augmentation)
        values: dict[str, Any] = {}
        drawn: dict[str, Any] = {}
        for name, text in settings.items():
            part, _, field = name.partition(".")
            if part == "augment" and field in inner:
                drawn[field] = _parse(name, text, inner[field])
            elif name in types and name != "augment":
                values[name] = _parse(name, text, types[name])
            else:
                known = ", ".join([*(n for n in types if n != "augment"), *(f"augment.{n}" for n in inner)])
                raise RecipeError("recipe_unknown", f"There is no setting {name!r}. There are: {known}.", name=name)
        return dataclasses.replace(self, **values, augment=dataclasses.replace(self.augment, **drawn))

    def settings(self) -> dict[str, Any]:
        """Returns every field under the name that `changed` accepts."""
        fields = self.to_json()
        drawn = fields.pop("augment")
        return {**fields, **{f"augment.{name}": value for name, value in drawn.items()}}

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a plain dict, with the augmentation's nested."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Recipe:
        """Builds a recipe from `to_json`'s dict, ignoring unknown fields of another version."""
        known = {name: value for name, value in fields.items() if name in _names(cls) - {"augment"}}
        return cls(**known, augment=Augmentation.from_json(fields.get("augment") or {}))


def _names(kind: type) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _parse(name: str, text: str, kind: Any) -> Any:
    if kind is bool:
        if text.lower() in ("true", "yes", "1", "on"):
            return True
        if text.lower() in ("false", "no", "0", "off"):
            return False
        raise RecipeError("recipe_value", f"{name} takes true or false, not {text!r}.", name=name, value=text)
    if kind == float | None:
        if text.lower() in ("none", ""):
            return None
        kind = float
    try:
        return kind(text)
    except ValueError as error:
        raise RecipeError("recipe_value", f"{name} takes a number, not {text!r}.", name=name, value=text) from error
