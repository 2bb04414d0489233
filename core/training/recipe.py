"""Every choice of a fine-tune in one small dataclass, checked once, where it is built."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from core.audio.augment.settings import Augmentation
from core.errors import RecipeError, one_of, whole, within

PLANS = ("everything", "all_but_front", "all_but_head", "encoder", "decoder", "last", "head")
ADAPTERS = ("none", "lora", "dora", "ia3")
TARGETS = ("attention", "feed_forward", "all")
STARTS = ("pretrained", "random")
SCHEDULES = ("linear", "cosine", "constant")
VOCABULARIES = ("auto", "keep", "extend", "new")
TASKS = ("transcribe", "classify")
PRECISIONS = ("auto", "float32", "bfloat16")
DEFAULT_CLIP_VISITS = 240  # few clips are read often: epochs times clips is about this, 30 steps of 8
CLASSIFIER_VISITS = 1200  # a head alone over kept features learns quickly, and each visit costs next to nothing
MIN_EPOCHS, MAX_EPOCHS = 3, 40  # of the default


UNCHANGED = Augmentation()  # clips as they were recorded

_RANGES = (
    ("last_layers", 1, 1000), ("adapter_rank", 1, 1024), ("adapter_alpha", 0.0, 1e4), ("learning_rate", 1e-8, 1.0),
    ("head_rate", 0.0, 1000.0), ("layer_decay", 0.01, 1.0), ("unfreeze", 0.0, 0.9), ("epochs", 1, 1000), ("batch_size", 1, 256),
    ("accumulate", 1, 256), ("warmup", 0.0, 0.9), ("weight_decay", 0.0, 1.0), ("l2_sp", 0.0, 1e6), ("l2_new", 0.0, 1e6),
    ("dropout", 0.0, 0.9), ("layer_drop", 0.0, 0.9), ("label_smoothing", 0.0, 0.9), ("adversarial", 0.0, 10.0),
    ("replay", 0.0, 0.9), ("clip_norm", 1e-6, 1e6), ("evaluations", 1, 1000), ("patience", 0, 1000), ("average", 0.0, 0.9),
    ("drop_layers", 0, 5),
)  # fmt: skip
_WHOLE = (
    "last_layers", "adapter_rank", "epochs", "batch_size", "accumulate", "evaluations", "patience", "drop_layers",
)  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune.

    Attributes:
        trains: what learns: "everything"; "all_but_front" (not the convolutions); "all_but_head" (not the output layer, nor
            the table of embeddings that it is tied to); "encoder" (convolutions and encoder); "decoder" (with the output
            layer; in a family without a decoder the output layer alone); "last" (the top `last_layers` numbered layers and
            all above them); or "head". The rest keeps its pretrained values; a new output layer learns in any case.
        last_layers: how many numbered layers "last" trains.
        adapter: "none": the weights of `trains` learn themselves; "lora" (Hu et al. 2021, arXiv 2106.09685), "dora" (Liu
            et al. 2024, arXiv 2402.09353) or "ia3" (Liu et al. 2022, arXiv 2205.05638): small matrices beside them do.
        adapter_rank, adapter_alpha: of LoRA and DoRA: what is added to a weight is alpha / rank * B A.
        adapter_targets: which projections get one: those of "attention", "feed_forward", or "all".
        start: "pretrained", or "random": the control experiment, the same architecture drawn anew.
        vocabulary: the characters a CTC model writes: "keep" its own and leave others out; "extend" it by the training
            texts' unseen ones; a "new" one of the training texts alone; or "auto": kept where it has every letter,
            extended where it lacks some, new where it lacks over 30 % of them or there is none.
        learning_rate: peak rate of AdamW.
        head_rate: the head's rate as a multiple of `learning_rate`.
        layer_decay: each layer's rate as a share of the rate of the layer above it; 1 trains all alike
            (Howard & Ruder 2018, arXiv 1801.06146, "discriminative fine-tuning").
        unfreeze: gradual unfreezing (the same): share of the steps over which the layers join from the top, one after
            the other; 0 trains all from the first step.
        epochs: passes over the training clips.
        batch_size: clips whose gradient is computed at once.
        accumulate: batches a step.
        warmup: share of the steps in which the rate rises from 0.
        schedule: what the rate does afterwards: "linear" or "cosine" to 0, or "constant".
        weight_decay: AdamW's decoupled decay towards 0.
        l2_sp: lambda in L(theta) + lambda * ||theta - theta_p||^2, the pull towards the pretrained values
            (Li et al. 2018, arXiv 1802.01483, equation 3).
        l2_new: the second coefficient of that equation: beta * ||theta_new||^2 over parameters that were not pretrained,
            such as a new output layer's.
        dropout: probability that an activation is dropped in training; None leaves the model's own.
        layer_drop: probability that a whole layer is skipped in training; None leaves the model's own.
        label_smoothing: share of the target that is spread over all labels.
        adversarial: epsilon of a step along the sign of the gradient at the network's input (FGSM, Goodfellow et al. 2015,
            arXiv 1412.6572), in that input's own unit; the loss is the mean of the clean and the disturbed one. 0 = none.
        augment: what is done to training clips, anew in every epoch.
        replay: share of the training clips that are general speech, mixed in to protect what is known.
        clip_norm: largest norm of a gradient.
        evaluations: how often the validation clips are transcribed during training.
        patience: evaluations in a row without a better validation WER after which training stops; 0 never does.
        average: share of the steps, the last ones, whose parameters are averaged (stochastic weight averaging, Izmailov
            et al. 2018, arXiv 1803.05407); the average is kept where it does as well on the validation clips. 0 = none.
        guards: whether training ends by itself where going on would waste time; see `core.training.guards`.
        precision: "auto", "float32" or "bfloat16" matrix products; parameters are float32 always.
        drop_layers: how many of DeepSpeech's top layers start anew before training, as its own transfer learning does.
        task: "transcribe" any sentence, or "classify" clips as one of the training texts (a closed set of words).
        thin: whether Whisper leaves out most of its padding's frames.

    Raises:
        RecipeError: a field is outside its range.
    """

    trains: str = "everything"
    last_layers: int = 2
    adapter: str = "none"
    adapter_rank: int = 16
    adapter_alpha: float = 32.0
    adapter_targets: str = "attention"
    start: str = "pretrained"
    learning_rate: float = 3e-5
    head_rate: float = 1.0
    layer_decay: float = 1.0
    unfreeze: float = 0.0
    epochs: int = 5
    batch_size: int = 8
    accumulate: int = 1
    warmup: float = 0.1
    schedule: str = "linear"
    weight_decay: float = 0.0
    l2_sp: float = 0.0
    l2_new: float = 0.0
    dropout: float | None = None
    layer_drop: float | None = None
    label_smoothing: float = 0.0
    adversarial: float = 0.0
    augment: Augmentation = UNCHANGED
    replay: float = 0.0
    clip_norm: float = 1.0
    evaluations: int = 5
    patience: int = 0
    average: float = 0.0
    guards: bool = True
    precision: str = "auto"
    thin: bool = True
    vocabulary: str = "auto"
    task: str = "transcribe"
    drop_layers: int = 0

    def __post_init__(self) -> None:
        one_of("trains", self.trains, PLANS)
        one_of("adapter", self.adapter, ADAPTERS)
        one_of("adapter_targets", self.adapter_targets, TARGETS)
        one_of("start", self.start, STARTS)
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("vocabulary", self.vocabulary, VOCABULARIES)
        one_of("task", self.task, TASKS)
        one_of("precision", self.precision, PRECISIONS)
        for name, low, high in _RANGES:
            if getattr(self, name) is not None:
                within(name, getattr(self, name), low, high)
        for name in _WHOLE:
            whole(name, getattr(self, name))

    @classmethod
    def default(cls, family: str, clips: int) -> Recipe:
        """Returns the default recipe for a model family ("classifier" for that task) and a number of training clips.

        Few clips are read often, many seldom; the rate is what matters most (see the measurements in the README).
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

    def changed(self, settings: Mapping[str, str]) -> Recipe:
        """Returns a recipe with fields replaced from text, as `--set KEY=VALUE` gives them.

        A field of the augmentation is named with its part: `augment.noise=0.5`.

        Raises:
            RecipeError: no such field, or a value that is not of its type or range.
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
        """Returns every field under the name by which `changed` takes it."""
        fields = self.to_json()
        drawn = fields.pop("augment")
        return {**fields, **{f"augment.{name}": value for name, value in drawn.items()}}

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a plain dict, the augmentation's within."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Recipe:
        """Builds a recipe from `to_json`'s dict, ignoring fields of another version."""
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
