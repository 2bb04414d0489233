"""Transcripts: the one normalisation that scores use, and what a model can write."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from transformers.models.whisper.english_normalizer import BasicTextNormalizer, EnglishTextNormalizer

# Written without spaces between words: scored by character, so that a "word" is a character.
UNSPACED_LANGUAGES = frozenset({"zh", "yue", "ja", "th", "lo", "my", "km"})
MAX_TEXT_CHARACTERS = 2_000  # of one transcript; 30 s of fast speech is about 600


def normalise(text: str, language: str = "en") -> str:
    """Brings a transcript to the form in which WER and CER compare it.

    English: Whisper's own English normaliser (Radford et al. 2022, appendix C): lower case, no punctuation, no
    filler words, contractions spelled out, numbers as digits; its British-to-American table is left out. Other
    languages: Whisper's basic normaliser (lower case, punctuation and symbols to spaces), keeping diacritics; the
    languages written without spaces are split into characters.

    Args:
        text: a transcript as a person or a model wrote it.
        language: ISO 639-1 code of the speech.

    Returns:
        Words separated by single spaces; empty if nothing is left.
    """
    return " ".join(_normaliser(language)(unicodedata.normalize("NFKC", text)).split())


@lru_cache(maxsize=8)
def _normaliser(language: str) -> EnglishTextNormalizer | BasicTextNormalizer:
    if language == "en":
        return EnglishTextNormalizer({})
    return BasicTextNormalizer(remove_diacritics=False, split_letters=language in UNSPACED_LANGUAGES)


def clean(text: str) -> str:
    """Returns a transcript on one line, without control characters, in Unicode NFC."""
    kept = (c if unicodedata.category(c)[0] != "C" else " " for c in unicodedata.normalize("NFC", text))
    return " ".join("".join(kept).split())


def is_shouted(texts: Sequence[str]) -> bool:
    """Whether transcripts are written in capitals only, as many corpora are.

    A model that writes mixed case would have to unlearn it to write them, so training lowers them first.
    """
    joined = "".join(texts)
    return joined != joined.lower() and joined == joined.upper()
