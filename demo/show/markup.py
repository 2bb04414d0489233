"""Escaped markup used by every step: headings, notes, sounds, pictures, marked words."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from core.text.metrics import Word
from demo.wording import Wording

WITHOUT_MICROPHONE = ("insecure", "denied", "none", "busy")  # the causes, as assets/microphone.js names them
NO_BREAK = "\u00a0"  # keeps a number and its unit on one line
_ENTITIES = str.maketrans({"$": "&#36;", "{": "&#123;", "}": "&#125;", "`": "&#96;"})


def escape(text: object) -> str:
    """Escapes text for use in markup: HTML special characters, and those that Gradio's templates evaluate."""
    return html.escape(str(text)).translate(_ENTITIES)


def heading(number: int, step: str, w: Wording) -> str:
    """Returns a step's number, title and introductory sentence; pressing the title unfolds the step (assets/stage.js)."""
    title, sentence = escape(w(f"{step}.title")), escape(w(f"{step}.sentence"))
    return (
        f'<h2 id="{step}"><button type="button" class="fold" aria-expanded="false"><span class="step-number">{number}</span>'
        f'{title}<span class="state"></span></button></h2><p class="lead">{sentence}</p>'
    )


def card_heading(card: str, w: Wording) -> str:
    """Returns the title of a card of the stage."""
    return f"<h2>{escape(w(f'stage.{card}'))}</h2>"


def note(text: str, kind: str = "info") -> str:
    """Returns a sentence in a frame; empty for no text. Screen readers announce notes, "error" at once."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="note {kind}" role="{role}">{escape(text)}</p>' if text else ""


def picture(png: bytes, label: str) -> str:
    """Returns a picture embedded in the page.

    Args:
        png: the file's bytes.
        label: alternative text.
    """
    return f'<img class="picture" alt="{escape(label)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def marked(words: Sequence[Word], w: Wording, spaced: bool = True, pressable: bool = False) -> str:
    """Returns a transcript with its fixed, broken, wrong and missing words marked by colour, by line, and in text.

    Args:
        words: of the transcript.
        w: the page's wording.
        spaced: whether the language writes spaces between them.
        pressable: whether pressing a word plays it (assets/words.js); Tab reaches the first word, arrow keys the others.
    """
    if not words:
        return or_nothing("", w)
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
    """Returns an audio player."""
    return f'<audio controls preload="none" src="{escape(url)}" aria-label="{escape(w("listen.play"))}"></audio>'


def no_microphone(upload: str, w: Wording) -> str:
    """Returns what stands beside a recorder, to be laid out in an element of class `no-microphone`: why the browser gives no
    microphone and what to do, of which one sentence is shown (assets/microphone.js), and a button that uploads a file instead.

    Args:
        upload: id of the upload button to press, or of the recorder that also takes files.
        w: the page's wording.
    """
    cases = "".join(
        f'<p class="note warning" data-case="{case}">{escape(w(f"microphone.{case}"))}</p>' for case in WITHOUT_MICROPHONE
    )
    button = f'<button type="button" data-upload="{upload}">{escape(w("microphone.upload"))}</button>'
    return f'<div role="status">{cases}</div>{button}'


def or_nothing(text: str, w: Wording) -> str:
    """Returns a transcript, or words saying that it is empty."""
    return escape(text) if text else f'<span class="nothing">{escape(w("compare.nothing"))}</span>'


def verdict(sentence: str, kind: str) -> str:
    """Returns a verdict with each percent sign on the line of its number; its kind is "good", "bad" or "unclear"."""
    return f'<p class="verdict {kind}">{escape(unbroken(sentence))}</p>'


def unbroken(sentence: str) -> str:
    """Keeps a number and its percent sign on one line."""
    return sentence.replace(" %", f"{NO_BREAK}%")


def subheading(text: str) -> str:
    """Returns the title of a group of panels."""
    return f"<h3>{escape(text)}</h3>"


def placeholder(text: str) -> str:
    """Returns a sentence that says what will be shown in its place."""
    return f'<p class="placeholder">{escape(text)}</p>'


def fine(text: str) -> str:
    """Returns a sentence in small type."""
    return f'<p class="fine">{escape(text)}</p>'
