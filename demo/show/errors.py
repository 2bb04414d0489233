"""Errors as sentences in the page's language."""

from __future__ import annotations

from typing import Any

from core.errors import AttuneError
from core.storage import full_disk
from core.storage.files import home
from demo.wording import Wording


def explain(error: BaseException, w: Wording) -> str:
    """Returns an error as a sentence in the page's language; unexpected errors get a general one, never a traceback."""
    if isinstance(error, Exception) and not isinstance(error, AttuneError):
        error = full_disk.explained(error, home())
    if isinstance(error, AttuneError):
        return reason(error.reason, error.details, str(error), w)
    return w("error.disk") if isinstance(error, OSError) else w("error.unexpected")


def reason(name: str, details: dict[str, Any], message: str, w: Wording) -> str:
    """Returns the sentence for a stable reason, or the English message if the page's language has none."""
    called = {"name": "adapt"} if name.startswith("recipe_") else {"column": "column", "language": "language"}
    for field, family in called.items():  # use the name shown on the page
        if w.has(f"{family}.{details.get(field)}"):
            details = {**details, field: w(f"{family}.{details[field]}")}
    try:
        return w(f"error.{name}", **details) if w.has(f"error.{name}") else message
    except (LookupError, TypeError, ValueError):  # bad details from a damaged file
        return message
