"""Escaped markup that every step shows: headings, notes, sounds, pictures, words with their marks."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from core.text.metrics import Word
from demo.wording import Wording

NO_BREAK = "\u00a0"  # a number and its unit stay on one line
_ENTITIES = str.maketrans({"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;"})


def escape(text: object) -> str:
    """Makes any text safe inside markup: HTML's own characters, and those that Gradio's templates evaluate."""
    return html.escape(str(text)).translate(_ENTITIES)


def heading(number: int, step: str, w: Wording) -> str:
    """A step's number, title and one sentence."""
    title, sentence = escape(w(f"{step}.title")), escape(w(f"{step}.sentence"))
    return f'<h2 id="{step}"><span class="step-number">{number}</span>{title}</h2><p class="lead">{sentence}</p>'


def note(text: str, kind: str = "info") -> str:
    """A sentence with a frame; "error" and "warning" are announced by screen readers."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="note {kind}" role="{role}">{escape(text)}</p>' if text else ""


def picture(png: bytes, label: str) -> str:
    """A picture as part of the page.

    Args:
        png: the file's bytes.
        label: what it shows, for who cannot see it.
    """
    return f'<img class="picture" alt="{escape(label)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def marked(words: Sequence[Word], w: Wording, spaced: bool = True, pressable: bool = False) -> str:
    """A transcript whose words say what became of them: by colour, by line, and in text for screen readers.

    Args:
        words: of the transcript.
        w: the page's wording.
        spaced: whether the language writes spaces between them.
        pressable: whether each can be pressed to be heard (assets/words.js); Tab reaches the first, arrow keys the others.
    """
    if not words:
        return f'<span class="nothing">{escape(w("compare.nothing"))}</span>'
    parts = []
    for i, word in enumerate(words):
        state = "missing" if word.missing else word.state
        text, press = escape(word.text), ""
        if pressable:
            press = f' role="button" tabindex="{0 if i == 0 else -1}" data-word="{i}"'
        if word.state == "same":
            parts.append(f'<span class="word same"{press}>{text}</span>' if pressable else text)
            continue
        spoken = escape(w(f"mark.{state}" if not (word.missing and word.state == "broken") else "mark.missing_broken"))
        kind = f"{word.state} missing" if word.missing else word.state
        parts.append(f'<span class="word {kind}"{press} title="{spoken}">{text}<span class="sr"> ({spoken}) </span></span>')
    return (" " if spaced else "").join(parts)


def player(url: str, w: Wording) -> str:
    """A sound one can play."""
    return f'<audio controls preload="none" src="{escape(url)}" aria-label="{escape(w("listen.play"))}"></audio>'


def subheading(text: str) -> str:
    """The title of a group of panels."""
    return f"<h3>{escape(text)}</h3>"


def fine(text: str) -> str:
    """A sentence in small type."""
    return f'<p class="fine">{escape(text)}</p>'
