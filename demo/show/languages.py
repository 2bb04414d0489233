"""Names of languages."""

from __future__ import annotations

from demo.wording import Wording


def language_name(code: str, w: Wording) -> str:
    """Returns a language's name in the page's language, or its code if there is none."""
    return w(f"language.{code}") if w.has(f"language.{code}") else code


def language(code: str, detected: bool, w: Wording) -> str:
    """Says which language a model transcribed and whether it detected that itself; empty if unknown."""
    if not code:
        return ""
    return w("listen.language_detected" if detected else "listen.language", language=language_name(code, w))
