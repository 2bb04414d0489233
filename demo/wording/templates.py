"""Sentences around a person's own words: one file a language and kind of word, in the folder `carriers`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from core.text.carriers import KINDS

LANGUAGES = ("en", "zh")  # that there are templates in
_FOLDER = Path(__file__).parent / "carriers"


@cache
def templates(language: str) -> dict[str, tuple[str, ...]]:
    """Returns the templates of one of `LANGUAGES` by kind of word."""
    return {kind: tuple((_FOLDER / f"{language}_{kind}.txt").read_text(encoding="utf-8").splitlines()) for kind in KINDS}
