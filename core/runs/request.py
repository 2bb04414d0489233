"""The request of a run, built by the same function for the page and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.names import CANARY
from core.data.samples import WATCHED_CLIPS
from core.training.recipe import Recipe


class _Set(TypedDict):
    name: str
    clips: list[Clip]
    language: NotRequired[str]
    synthetic: NotRequired[bool]
    normalisation: NotRequired[dict[str, Any]]


class RequestFields(TypedDict):
    """The fields that `Request.to_json` writes."""

    model: str
    labelled_set: _Set
    canary: list[Clip]
    own: list[Clip]
    recipe: Recipe
    seed: int
    general: NotRequired[list[Clip]]
    watch: NotRequired[list[Clip]]
    canary_name: NotRequired[str]
    canary_synthetic: NotRequired[bool]
    terms: NotRequired[list[str]]


@dataclass(frozen=True)
class Request:
    """A request to fine-tune a model.

    Attributes:
        model: id or folder of the base, see `load_model`.
        labelled_set: the clips with their split at the time of the request.
        canary: held-out general speech that measures forgetting; may be empty.
        canary_name: name of the set that the canary is from.
        canary_synthetic: whether the canary is synthetic speech.
        own: further clips to compare on, such as the one the user just recorded.
        general: general English speech of which the recipe's share is replayed; may be empty.
        watch: general English speech transcribed at each evaluation, to detect forgetting early; never scored, because
            a guard of `core.training.guards` uses it; may be empty.
        recipe: the recipe.
        seed: seed of everything random.
        terms: the person's own words, counted one by one in the test clips; may be empty.
    """

    model: str
    labelled_set: LabelledSet
    canary: tuple[Clip, ...]
    own: tuple[Clip, ...]
    recipe: Recipe
    seed: int = 0
    general: tuple[Clip, ...] = ()
    watch: tuple[Clip, ...] = ()
    canary_name: str = CANARY
    canary_synthetic: bool = True
    terms: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict."""
        return {
            "model": self.model,
            "labelled_set": self.labelled_set.to_json(),
            "canary": [vars(clip) for clip in self.canary],
            "own": [vars(clip) for clip in self.own],
            "recipe": self.recipe.to_json(),
            "seed": self.seed,
            "general": [vars(clip) for clip in self.general],
            "watch": [vars(clip) for clip in self.watch],
            "canary_name": self.canary_name,
            "canary_synthetic": self.canary_synthetic,
            "terms": list(self.terms),
        }

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Request:
        """Builds a request from `to_json`'s dict."""
        return cls(
            model=fields["model"],
            labelled_set=LabelledSet.from_json(fields["labelled_set"]),
            canary=tuple(Clip(**clip) for clip in fields["canary"]),
            own=tuple(Clip(**clip) for clip in fields["own"]),
            recipe=Recipe.from_json(fields["recipe"]),
            seed=fields["seed"],
            general=tuple(Clip(**clip) for clip in fields.get("general", ())),
            watch=tuple(Clip(**clip) for clip in fields.get("watch", ())),
            canary_name=fields.get("canary_name", CANARY),  # the only canary in earlier versions
            canary_synthetic=fields.get("canary_synthetic", True),
            terms=tuple(fields.get("terms", ())),
        )


def build_request(
    model: str,
    labelled: LabelledSet,
    recipe: Recipe,
    seed: int = 0,
    canary: LabelledSet | None = None,
    general: Sequence[Clip] = (),
    own: Sequence[Clip] = (),
    terms: Sequence[str] = (),
) -> Request:
    """Builds the request of a run.

    Args:
        model: id or folder of the base, see `load_model`.
        labelled: the clips with their split.
        recipe: the recipe.
        seed: seed of everything random.
        canary: held-out general speech that measures forgetting, or None to skip the measurement.
        general: other general speech. Its last few clips are watched during training if there is a canary and the model is
            not trained from scratch; the rest is replayed if the recipe says so.
        own: further clips to compare on.
        terms: the person's own words, to be counted one by one in the test clips, see `core.text.terms.check_terms`.
    """
    can_forget = canary is not None and recipe.start != "random"
    return Request(
        model=model,
        labelled_set=labelled,
        canary=canary.clips if canary else (),
        own=tuple(own),
        recipe=recipe,
        seed=seed,
        general=tuple(general[:-WATCHED_CLIPS]) if recipe.replay else (),
        watch=tuple(general[-WATCHED_CLIPS:]) if can_forget else (),
        canary_name=canary.name if canary else CANARY,
        canary_synthetic=canary is None or canary.synthetic,
        terms=tuple(terms),
    )
