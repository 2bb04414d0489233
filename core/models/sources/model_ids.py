"""The forms of model ids. Nothing here touches a disk or a network, so it does not tell whether a model exists."""

from __future__ import annotations

import re
import unicodedata

from core.errors import ModelError

MAX_ID_CHARACTERS = 4096  # the longest path of Linux, PATH_MAX; a hub id has at most two parts of 96
TORCHAUDIO = "torchaudio:"

# Control characters, surrogates, line and paragraph separators: nobody could read or type them.
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # disguise a name
_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,95}"  # huggingface_hub's validate_repo_id allows no more
_HUB_ID = re.compile(rf"({_PART}/)?{_PART}")
_BUNDLE = re.compile(rf"{TORCHAUDIO}[A-Za-z][A-Za-z0-9_]{{0,63}}")


def is_hub_id(id: str) -> bool:
    """Whether an id has the form of the hub's, `owner/name` or `name`; then it never names a folder or a file."""
    return _HUB_ID.fullmatch(id) is not None and ".." not in id


def is_bundle_id(id: str) -> bool:
    """Whether an id has the form of a torchaudio bundle's, "torchaudio:" and a name."""
    return _BUNDLE.fullmatch(id) is not None


def is_network_path(id: str) -> bool:
    """Whether an id is a Windows path on another computer, which is contacted as soon as the path is used."""
    return len(id) > 1 and id[0] in "/\\" and id[1] in "/\\"


def check_id(id: str) -> None:
    """Refuses an id that cannot name a model.

    Raises:
        ModelError: it is too long, or contains invisible characters.
    """
    if len(id) > MAX_ID_CHARACTERS:
        raise ModelError(
            "model_id_long", f"A model's id can have at most {MAX_ID_CHARACTERS} characters.", limit=MAX_ID_CHARACTERS
        )
    if any(unicodedata.category(character) in _UNPRINTABLE or character in _DIRECTIONS for character in id):
        raise ModelError("model_id_characters", "A model's id cannot contain line breaks or other invisible characters.")
