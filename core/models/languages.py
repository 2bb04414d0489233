"""Which models write a language, by the catalogue, and when a model that tells languages apart is sure; loads no model."""

from __future__ import annotations

from collections.abc import Mapping

from core.models.catalogue import CATALOGUE, MANY, Entry, listed
from core.models.loading import is_here

# What Whisper models before large-v3 write (Radford et al. 2022; openai/whisper, tokenizer.py).
WHISPER_LANGUAGES = frozenset([
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de", "el", "en", "es",
    "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "haw", "he", "hi", "hr", "ht", "hu", "hy", "id", "is", "it", "ja",
    "jw", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt", "lv", "mg", "mi", "mk", "ml", "mn", "mr", "ms", "mt",
    "my", "ne", "nl", "nn", "no", "oc", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd", "si", "sk", "sl", "sn", "so", "sq",
    "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "uk", "ur", "uz", "vi", "yi", "yo", "zh",
])  # fmt: skip
# The least probability at which a detected language is believed. Chosen on 50 Mandarin words and 130 English clips, 50 of them
# read by Mandarin speakers: 43 words were told, and no English clip was taken for another language (at 0.85, one was).
# On others, 127 of 150 Mandarin words were told, and 1 of 830 English clips, 550 of them by Mandarin speakers, was not English.
SURE = 0.9


def is_foreign(id: str, language: str) -> bool:
    """Returns whether a model of the catalogue was made for other languages than this one.

    False for models that are not listed, and for those that write nothing before they are fine-tuned.

    Args:
        id: of the model.
        language: ISO 639-1 code.
    """
    entry = listed(id)
    return entry is not None and entry.languages != "none" and not _writes(entry, language)


def only_language(id: str) -> str:
    """Returns the one language that a model of the catalogue writes; "" if it writes several, none, or is not listed."""
    entry = listed(id)
    return "" if entry is None or entry.languages in (MANY, "none") else entry.languages


def ready_writer(language: str) -> str:
    """Returns the first model of the catalogue on this computer that writes a language, or ""."""
    return next((entry.id for entry in CATALOGUE if _writes(entry, language) and is_here(entry.id)), "")


def packaged_writer(language: str) -> Entry | None:
    """Returns the first model of the catalogue that writes a language once a package is installed, or None."""
    return next((entry for entry in CATALOGUE if entry.bundle is not None and _writes(entry, language)), None)


def ready_detector() -> str:
    """Returns the first model of the catalogue on this computer that tells languages apart, or ""."""
    tells = (entry.id for entry in CATALOGUE if entry.family == "whisper" and entry.languages == MANY)
    return next(filter(is_here, tells), "")


def language_heard(probabilities: Mapping[str, float]) -> str:
    """Returns the most probable language if the model is sure of it, or "".

    Args:
        probabilities: by language, see `core.models.whisper.model.Whisper.spoken`.
    """
    language = max(probabilities, key=lambda code: probabilities[code])
    return language if probabilities[language] >= SURE else ""


def _writes(entry: Entry, language: str) -> bool:
    if entry.languages == MANY:
        return entry.family != "whisper" or language in WHISPER_LANGUAGES
    return entry.languages == language
