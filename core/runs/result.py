"""What a run came to: written once when it ends, and read by page, report, model card, line-up and command line."""

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
    """The set that shows what was forgotten.

    Attributes:
        name: of the set.
        synthetic: whether speech synthesisers made it.
    """

    name: str = CANARY
    synthetic: bool = True


@dataclass(frozen=True)
class Seconds:
    """How long the parts of a run took."""

    prepare: float = 0.0
    train: float = 0.0
    evaluate: float = 0.0


@dataclass(frozen=True)
class Result:
    """What result.json holds. What has a default is missing where an earlier version wrote the file.

    Attributes:
        model: the base's id; family: of the model.
        set: name of the labelled set; synthetic: whether speech synthesisers made it; language: ISO 639-1 code of it.
        clips: that were trained on, replayed ones among them; replayed: how many those are.
        seed, recipe: of the run.
        run: its folder, as it was.
        normalisation: how the texts were written for training.
        minutes: of the training clips.
        validation_clips, test_clips: how many.
        steps: that were trained; best_step: the one that was kept.
        stopped: whether someone asked to stop; ended: what else ended training early, see `core.training.events.Trained`.
        distance: from the pretrained parameters, relative; drift: the same of each layer.
        trained_parameters, parameters: how many learn, of how many.
        seconds: that the parts took.
        test, canary: base against adapted on the held-out clips and on general speech; None where there are none.
        canary_set: what the general speech is.
        overlap: what training and test share.
        dropped: clips that could not be used.
        versions: of what computed it.
        comparison_sha256: of comparison.json as the run wrote it; "" where an earlier version did not say.
        withdrawn: whether clips were deleted since, so that the figures are of those that are left.
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
    def figures(self) -> dict[str, Figures]:
        """The figures of "test" and "canary", as far as there are clips."""
        return {name: found for name, found in (("test", self.test), ("canary", self.canary)) if found is not None}

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return {
            **dataclasses.asdict(self),
            "recipe": self.recipe.to_json(),
            "normalisation": self.normalisation.to_json(),
            "dropped": [vars(row) for row in self.dropped],
        }
