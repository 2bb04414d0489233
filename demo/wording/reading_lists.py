"""The sentences to read aloud: one file a list, in the folder `prompts`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

KINDS = ("sentences", "accent", "names", "digits")
LISTS = tuple(f"{language}_{kind}" for language in ("en", "zh") for kind in KINDS)
OWN = "own"  # the list of sentences that a person pastes
WORDS = "words"  # the list of sentences around a person's own words
_FOLDER = Path(__file__).parent / "prompts"


@cache
def listed(name: str) -> tuple[str, ...]:
    """Returns the sentences of one of `LISTS`."""
    return tuple((_FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines())
