"""Languages by their names."""

from __future__ import annotations

from demo.wording import Wording


def language_name(code: str, w: Wording) -> str:
    """A language by its name in the page's language; by its code where it has none."""
    return w(f"language.{code}") if w.has(f"language.{code}") else code


def language(code: str, detected: bool, w: Wording) -> str:
    """Which language a model wrote, and whether it found that out itself; empty where it does not say."""
    if not code:
        return ""
    return w("listen.language_detected" if detected else "listen.language", language=language_name(code, w))
