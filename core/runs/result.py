"""The result of a run: written once when it ends, and read by page, report, model card, line-up and command line."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from core.data.clips.labelled_set import AS_TYPED, Dropped, Overlap
from core.data.names import CANARY
from core.evaluation.compare import Figures
from core.text.normalisation import Normalisation
from core.training.recipe import Recipe

NO_OVERLAP = Overlap(0, 0)


@dataclass(frozen=True)
class GeneralSpeech:
    """The set that measures forgetting.

    Attributes:
        name: name of the set.
        synthetic: whether it is synthetic speech.
    """

    name: str = CANARY
    synthetic: bool = True


@dataclass(frozen=True)
class Seconds:
    """The durations of a run's phases.

    Attributes:
        prepare: loading model and clips.
        train: the training steps.
        evaluate: transcribing held-out clips and general speech before, during and after training.
    """

    prepare: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0

    @property
    def total(self) -> float:
        """Their sum."""
        return self.prepare + self.train + self.evaluate


@dataclass(frozen=True)
class Result:
    """The contents of result.json. Fields with a default may be missing from files of earlier versions.

    Attributes:
        model: id of the base; family: its model family.
        set: name of the labelled set; synthetic: whether it is synthetic speech; language: its ISO 639-1 code.
        clips: number of training clips, including replayed ones; replayed: number of the latter.
        seed, recipe: seed and recipe of the run.
        run: the run's folder at that time.
        normalisation: how the texts were written for training.
        minutes: total duration of the training clips.
        validation_clips, test_clips: numbers of clips.
        steps: number of training steps; best_step: the step whose model was kept, 0 for the base.
        blend: a, where the adapted model is theta_p + a (theta - theta_p) of that step's, see `Recipe.blend`.
        stopped: whether someone asked to stop; ended: what else ended training early, see `core.training.events.Trained`.
        distance: relative distance from the pretrained parameters; drift: the same for each layer.
        trained_parameters, parameters: number of trained parameters, and of the model's, see `core.training.events.Prepared`.
        seconds: durations of the phases.
        test, canary: base against adapted on the held-out clips and on general speech; None if there are no such clips.
        canary_set: the set of the general speech.
        overlap: overlap between training and test.
        dropped: clips that could not be used.
        versions: the environment, see `core.runs.environment`.
        comparison_sha256: checksum of comparison.json as the run wrote it; "" from earlier versions.
        withdrawn: whether clips were deleted later, so that the figures are for the remaining ones.
    """

    model: str
    family: str
    set: str
    synthetic: bool
    clips: int
    replayed: int
    seed: int
    recipe: Recipe
    run: str
    language: str = "en"
    normalisation: Normalisation = AS_TYPED
    minutes: float = 0.0
    validation_clips: int = 0
    test_clips: int = 0
    steps: int = 0
    best_step: int = 0
    stopped: bool = False
    ended: str = ""
    blend: float = 1.0
    distance: float = 0.0
    drift: tuple[tuple[str, float], ...] = ()
    trained_parameters: int = 0
    parameters: int = 0
    seconds: Seconds = Seconds()
    test: Figures | None = None
    canary: Figures | None = None
    canary_set: GeneralSpeech = GeneralSpeech()
    overlap: Overlap = NO_OVERLAP
    dropped: tuple[Dropped, ...] = ()
    versions: dict[str, Any] = field(default_factory=dict, hash=False)
    comparison_sha256: str = ""
    withdrawn: bool = False

    @property
    def own_clips(self) -> int:
        """Number of training clips of the set, without replayed ones."""
        return self.clips - self.replayed

    @property
    def base_kept(self) -> bool:
        """Whether no training step did better than the base, so that the adapted model has the base's weights."""
        return self.best_step == 0 and self.steps > 0  # earlier versions may have noted neither

    @property
    def has_line(self) -> bool:
        """Whether there are models between base and adapted model, see `core.models.blend`: not without a base that writes."""
        recipe = self.recipe
        starts_as_base = recipe.start == "pretrained" and not recipe.drop_layers
        return not self.base_kept and starts_as_base and recipe.task == "transcribe"

    @property
    def figures(self) -> dict[str, Figures]:
        """The figures of "test" and "canary", if there are such clips."""
        return {name: found for name, found in (("test", self.test), ("canary", self.canary)) if found is not None}

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return {
            **dataclasses.asdict(self),
            "recipe": self.recipe.to_json(),
            "normalisation": self.normalisation.to_json(),
            "dropped": [vars(row) for row in self.dropped],
            "base_kept": self.base_kept,
        }
