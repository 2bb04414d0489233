"""Every choice of a fine-tune in one small dataclass, checked once, where it is built."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

from core.errors import RecipeError
from core.limits import one_of, whole, within

PLANS = ("everything", "all_but_front", "decoder", "head")
VOCABULARIES = ("auto", "keep", "extend", "new")
TASKS = ("transcribe", "classify")
PRECISIONS = ("auto", "float32", "bfloat16")
DEFAULT_CLIP_VISITS = 240  # few clips are read often: epochs times clips is about this, 30 steps of 8
CLASSIFIER_VISITS = 1200  # a head alone over kept features learns quickly, and each visit costs next to nothing
MIN_EPOCHS, MAX_EPOCHS = 3, 40  # of the default


@dataclass(frozen=True)
class Recipe:
    """How to fine-tune.

    Attributes:
        trains: what learns: "everything", "all_but_front" (not the convolutions), "decoder" or "head". The rest
            keeps its pretrained values.
        vocabulary: the characters a CTC model writes: "keep" its own and leave others out; "extend" it by the training
            texts' unseen ones; a "new" one of the training texts alone; or "auto": kept where it has every letter,
            extended where it lacks some, new where it lacks over 30 % of them or there is none.
        learning_rate: peak rate of AdamW.
        head_rate: the head's rate as a multiple of `learning_rate`.
        layer_decay: each layer's rate as a share of the rate of the layer above it; 1 trains all alike
            (Howard & Ruder 2018, "discriminative fine-tuning").
        epochs: passes over the training clips.
        batch_size: clips a step.
        warmup: share of the steps in which the rate rises from 0; afterwards it falls linearly to 0.
        weight_decay: AdamW's decoupled decay towards 0.
        l2_sp: lambda in L(theta) + lambda * ||theta - theta_p||^2, the pull towards the pretrained values
            (Li et al. 2018, arXiv 1802.01483, equation 3).
        clip_norm: largest norm of a gradient.
        evaluations: how often the validation clips are transcribed during training.
        precision: "auto", "float32" or "bfloat16" matrix products; parameters are float32 always.
        drop_layers: how many of DeepSpeech's top layers start anew before training, as its own transfer learning does.
        task: "transcribe" any sentence, or "classify" clips as one of the training texts (a closed set of words).
        thin: whether Whisper leaves out most of its padding's frames.

    Raises:
        RecipeError: a field is outside its range.
    """

    trains: str = "everything"
    learning_rate: float = 3e-5
    head_rate: float = 1.0
    layer_decay: float = 1.0
    epochs: int = 5
    batch_size: int = 8
    warmup: float = 0.1
    weight_decay: float = 0.0
    l2_sp: float = 0.0
    clip_norm: float = 1.0
    evaluations: int = 5
    precision: str = "auto"
    thin: bool = True
    vocabulary: str = "auto"
    task: str = "transcribe"
    drop_layers: int = 0

    def __post_init__(self) -> None:
        one_of("trains", self.trains, PLANS)
        one_of("vocabulary", self.vocabulary, VOCABULARIES)
        one_of("task", self.task, TASKS)
        one_of("precision", self.precision, PRECISIONS)
        within("learning_rate", self.learning_rate, 1e-8, 1.0)
        within("head_rate", self.head_rate, 0.0, 1000.0)
        within("layer_decay", self.layer_decay, 0.01, 1.0)
        within("epochs", self.epochs, 1, 1000)
        within("batch_size", self.batch_size, 1, 256)
        within("warmup", self.warmup, 0.0, 0.9)
        within("weight_decay", self.weight_decay, 0.0, 1.0)
        within("l2_sp", self.l2_sp, 0.0, 1e6)
        within("clip_norm", self.clip_norm, 1e-6, 1e6)
        within("evaluations", self.evaluations, 1, 1000)
        within("drop_layers", self.drop_layers, 0, 5)
        for name in ("epochs", "batch_size", "evaluations", "drop_layers"):
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

        Raises:
            RecipeError: no such field, or a value that is not of its type or range.
        """
        types = get_type_hints(Recipe)
        values: dict[str, Any] = {}
        for name, text in settings.items():
            if name not in types:
                raise RecipeError("recipe_unknown", f"There is no setting {name!r}. There are: {', '.join(types)}.", name=name)
            values[name] = _parse(name, text, types[name])
        return dataclasses.replace(self, **values)

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as a plain dict."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Recipe:
        """Builds a recipe from `to_json`'s dict, ignoring fields of another version."""
        known = {field.name for field in dataclasses.fields(cls)}
        return cls(**{name: value for name, value in fields.items() if name in known})


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() in ("true", "yes", "1", "on"):
            return True
        if text.lower() in ("false", "no", "0", "off"):
            return False
        raise RecipeError("recipe_value", f"{name} takes true or false, not {text!r}.", name=name, value=text)
    try:
        return kind(text)
    except ValueError as error:
        raise RecipeError("recipe_value", f"{name} takes a number, not {text!r}.", name=name, value=text) from error
