"""Which ids a page may give: the one place where what a visitor types becomes the id of a model."""

from __future__ import annotations

from core.errors import ModelError
from core.models.catalogue import CATALOGUE, listed
from core.models.sources import model_ids


def permitted(id: object, local: bool) -> str:
    """Returns the id of a model that a visitor gave, without the white space around it.

    A browser on another computer names models of the catalogue, of the Hugging Face hub and of torchaudio, and no files:
    whatever else it gives gets one answer, whether it exists or not, and nothing looks for it.

    Args:
        id: as it came from the page, or from what a page chose earlier.
        local: whether the browser runs on this computer.

    Raises:
        ModelError: it is none that may be given.
    """
    text = id.strip() if isinstance(id, str) else ""
    model_ids.check_id(text)
    if listed(text) is not None or model_ids.is_hub_id(text) or model_ids.is_bundle_id(text):
        return text
    if not local or not text:
        raise ModelError("model_not_named", "Choose a model of the list, or give a Hugging Face id such as owner/name.")
    if model_ids.is_network_path(text):
        raise ModelError("model_elsewhere", "A folder on another computer cannot be used. Copy it to this one first.")
    return text


def permitted_or_first(id: object, local: bool) -> str:
    """Returns the id of a model that was chosen earlier, or the first of the catalogue where it may not be given now."""
    try:
        return permitted(id, local)
    except ModelError:
        return CATALOGUE[0].id
