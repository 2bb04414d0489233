"""Step 3: handlers for one's own words."""

from __future__ import annotations

import gradio as gr

from core.text.carriers import KINDS
from demo.session import own_words
from demo.session.own_words import OwnWords
from demo.session.session import Session
from demo.steps.names import Shown
from demo.steps.teach.record.words import show
from demo.wording import Wording
from demo.wording.reading_lists import WORDS


class WordsHandlers:
    """Event handlers of the panel."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def restore(self, session: Session) -> Shown:
        """-> the boxes of `KINDS` by kind, spoken (language of the sentences), sentences (the group), exam, lessons."""
        now = own_words.read(session)
        boxes = {kind: self._w("recipe.and").join(now.words.get(kind, ())) for kind in KINDS}
        return {**boxes, "spoken": now.language, **self._sentences(now)}

    def write(self, session: Session, person: str, place: str, product: str, term: str, spoken: str) -> Shown:
        """person, place, product, term (the words of each kind), spoken (language) -> sentences, exam, lessons, faults."""
        typed = dict(zip(KINDS, (person, place, product, term), strict=True))
        return {**self._sentences(own_words.write(session, typed, spoken)), "faults": ""}

    def use(self, session: Session, exam: str, lessons: str) -> Shown:
        """exam, lessons (edited sentences) -> faults, list, language (of the own clips): the sentences become the list
        to read, unless something is wrong with them."""
        found = own_words.use(session, exam, lessons)
        if found:
            return {"faults": show.faults(found, self._w), "list": gr.skip(), "language": gr.skip()}
        return {"faults": "", "list": WORDS, "language": session.choices.language}

    def _sentences(self, now: OwnWords) -> Shown:
        there = bool(now.exam or now.lessons)
        return {"sentences": gr.update(visible=there), "exam": "\n".join(now.exam), "lessons": "\n".join(now.lessons)}
