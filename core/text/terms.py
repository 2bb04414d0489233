"""Names and terms that a person wants transcribed right: reading what they typed, and finding a term in a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from core.errors import DatasetError
from core.text.scoring import clean, normalise

MAX_TERMS = 8
MAX_CHARACTERS = 40  # of one term
_BETWEEN = re.compile(r"[,;，；、\n\r]")


def split_terms(text: str) -> list[str]:
    """Returns what is between the commas, semicolons and line breaks of a text, cleaned; nothing for empty places."""
    return [term for term in map(clean, _BETWEEN.split(text)) if term]


def check_terms(terms: Iterable[str], language: str) -> tuple[str, ...]:
    """Returns terms without duplicates, which are those that scoring does not tell apart, in the order given.

    Args:
        terms: as a person typed them; each may be several words, such as "Lindqvist Road".
        language: ISO 639-1 code, chooses the normalisation.

    Raises:
        DatasetError: there is none, there are too many, or one is too long or has no letters that scoring keeps.
    """
    kept: dict[str, str] = {}
    for term in map(clean, terms):
        normal = normalise(term, language)
        if len(term) > MAX_CHARACTERS or not any(character.isalpha() for character in normal):
            shown = term[:MAX_CHARACTERS]
            raise DatasetError(
                "term_unusable",
                f"{shown!r} cannot be used as a word: it needs letters, and at most {MAX_CHARACTERS} characters.",
                term=shown,
                limit=MAX_CHARACTERS,
            )
        kept.setdefault(normal, term)
    if not kept:
        raise DatasetError("terms_none", "Type the words first: names, places or terms, with commas between them.")
    if len(kept) > MAX_TERMS:
        raise DatasetError(
            "terms_too_many", f"There are {len(kept)} words; the limit is {MAX_TERMS}.", terms=len(kept), limit=MAX_TERMS
        )
    return tuple(kept.values())


def places(words: Sequence[str], term: Sequence[str]) -> list[int]:
    """Returns where a term begins in a sentence, without overlaps.

    Args:
        words: the sentence's normalised words, or characters in a language that is scored by character.
        term: those of the term, at least one.
    """
    found: list[int] = []
    for place in range(len(words) - len(term) + 1):
        if list(words[place : place + len(term)]) == list(term) and (not found or place >= found[-1] + len(term)):
            found.append(place)
    return found


def terms_in(texts: Iterable[str], terms: Iterable[str], language: str) -> tuple[str, ...]:
    """Returns the terms that occur in at least one of some texts, see `has_term`."""
    said = [normalise(text, language).split() for text in texts]
    return tuple(term for term in terms if any(places(words, normalise(term, language).split()) for words in said))


def has_term(sentence: str, term: str, language: str) -> bool:
    """Whether a term occurs in a sentence, whatever the case and the punctuation."""
    return bool(places(normalise(sentence, language).split(), normalise(term, language).split()))
