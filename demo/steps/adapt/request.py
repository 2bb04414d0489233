"""What a fine-tune from the page is asked for: what is missing for one, its recipe and its request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.data.clips.labelled_set import Clip, LabelledSet
from core.data.names import OWN
from core.data.samples import REPLAY, read_sample
from core.errors import DatasetError, RunError
from core.models.loading import is_fetchable, is_here, model_family
from core.runs.request import Request, build_request
from core.training.recipe import Recipe
from demo.session import chosen_set, own_words
from demo.session.chosen_set import labelled_set
from demo.session.session import Session
from demo.show import errors
from demo.steps.adapt import settings
from demo.wording import Wording


def training_set(session: Session, closed: bool = False) -> LabelledSet | DatasetError:
    """Returns the chosen set as `labelled_set` does, or why it cannot be split; splitting thousands of clips takes seconds.

    Args:
        session: whose choice counts.
        closed: whether the clips are to be classified.
    """
    try:
        return labelled_set(session, closed)
    except DatasetError as error:
        return error


def missing(w: Wording, session: Session, found: LabelledSet | DatasetError) -> str:
    """Says in a sentence what is missing for a fine-tune of the chosen model and set, and what to do; "" if nothing is.

    Args:
        w: the page's wording.
        session: whose choices count.
        found: the chosen set, from `training_set`.
    """
    choices = session.choices
    if choices.fetching:
        return w("missing.fetching", id=choices.fetching)
    if is_fetchable(choices.model) and not is_here(choices.model):
        return w("missing.model", id=choices.model)
    if isinstance(found, DatasetError):
        if choices.labelled_set != OWN or found.reason != "too_few_sentences":
            return errors.explain(found, w)
        clips = len(session.recordings.clips())
        return w("missing.own" if clips else "missing.no_own", clips=clips, **found.details)
    try:
        chosen_set.canary(session)
    except DatasetError as error:
        return errors.explain(error, w)
    return "" if found.part("train") else w("error.no_training_clips")


def suited(session: Session, fields: Mapping[str, Any], family: str) -> Recipe:
    """Returns the recipe of the page's fields, after checking that they are for the chosen model.

    Args:
        session: the session with the chosen model.
        fields: as for `settings.recipe_of`.
        family: the model family that the fields are for.

    Raises:
        RecipeError: a field is out of range.
        RunError: a model of another family has been chosen in the meantime.
    """
    if family != model_family(session.choices.model):
        raise RunError("recipe_other_model", "This recipe was for another model. Check the new one, then start again.")
    return settings.recipe_of(fields)


def request_of(session: Session, recipe: Recipe, seed: int) -> Request:
    """Returns the request for a fine-tune of the model and clips chosen on the page, with a recipe.

    Raises:
        DatasetError: there are too few own clips to hold any out.
    """
    choices = session.choices
    labelled = labelled_set(session, recipe.task == "classify")
    own = [clip for clip in labelled.clips if clip.id == choices.clip]
    if choices.clip and not own:
        recording = session.recordings.get(choices.clip)
        own = [Clip(str(recording.path), recording.text, id=recording.id)] if recording.text else []
    canary, general = chosen_set.canary(session), read_sample(REPLAY).clips
    terms = own_words.terms_said(session, [clip.text for clip in labelled.part("test")], labelled.language)
    return build_request(choices.model, labelled, recipe, seed, canary, general, own, terms)
