"""Validation of model ids typed by a visitor; the only place where such text becomes a model id."""

from __future__ import annotations

from core.errors import ModelError
from core.models.catalogue import CATALOGUE, listed
from core.models.sources import model_ids


def permitted(id: object, local: bool) -> str:
    """Returns a model id given by a visitor, stripped of surrounding white space.

    A browser on another computer may name models of the catalogue, the Hugging Face hub and torchaudio, but no files:
    anything else gets the same error, whether it exists or not, and is never looked up.

    Args:
        id: as received from the page, or as stored from an earlier choice.
        local: whether the browser runs on this computer.

    Raises:
        ModelError: the id is not allowed.
    """
    text = id.strip() if isinstance(id, str) else ""
    model_ids.check_id(text)
    if listed(text) is not None or model_ids.is_hub_id(text) or model_ids.is_bundle_id(text):
        return text
    if not local or not text:
        raise ModelError("model_not_named", "Choose a model from the list, or give a Hugging Face id such as owner/name.")
    if model_ids.is_network_path(text):
        raise ModelError("model_elsewhere", "A folder on another computer cannot be used. Copy it to this computer first.")
    return text


def permitted_or_first(id: object, local: bool) -> str:
    """Returns the id of a model chosen earlier, or the first of the catalogue if that id is no longer allowed."""
    try:
        return permitted(id, local)
    except ModelError:
        return CATALOGUE[0].id
