"""The recipe proposed for a model and a labelled set, the same on the page and on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.data.clips.labelled_set import LabelledSet
from core.data.clips.parts import FEW_CLIPS
from core.models.catalogue import listed
from core.training.presets import PRESETS, preset
from core.training.recipe import Recipe


@dataclass(frozen=True)
class Proposal:
    """A recipe to start from.

    Attributes:
        preset: name of its preset; "" for classification, which has none.
        recipe: the recipe.
    """

    preset: str
    recipe: Recipe


def propose(
    model: str, family: str, labelled: LabelledSet, name: str = "", classify: bool = False, terms: Sequence[str] = ()
) -> Proposal:
    """Proposes a recipe.

    Args:
        model: id of the base, see `load_model`.
        family: its model family.
        labelled: the clips with their split; may be empty.
        name: a preset that a person chose, or "" for the one that suits the set.
        classify: whether the clips are to be classified as one of the training texts.
        terms: words or names that the clips are to teach.

    Raises:
        RecipeError: there is no such preset.
    """
    clips = len(labelled.part("train"))
    if classify and not name:
        return Proposal("", Recipe.default("classifier", clips))
    chosen = name or ("words" if terms else suited(model, labelled))
    return Proposal(chosen, preset(chosen, "classifier" if classify else family, clips))


def suited(model: str, labelled: LabelledSet) -> str:
    """Returns the name of the preset that suits a set.

    That is the set's own, if it is a sample set; "language" if the catalogue says that the model does not write the
    set's language; "voice", which was measured on 12 clips, for up to `FEW_CLIPS` training clips of one voice; otherwise
    "accent".
    """
    if labelled.synthetic and labelled.name in PRESETS:
        return labelled.name
    entry = listed(model)
    if entry is not None and entry.languages not in ("many", labelled.language):
        return "language"
    train = labelled.part("train")
    one_voice = len({clip.speaker for clip in train}) <= 1
    return "voice" if train and one_voice and len(train) <= FEW_CLIPS else "accent"
