"""Step 3: handlers for how the transcripts of a set are written."""

from __future__ import annotations

from typing import Any

import gradio as gr

from core.text.folding import VOWEL_MARK_LANGUAGES
from core.text.normalisation import CHOICES, Normalisation, detect
from core.text.scripts import CHINESE, EAST_ASIAN, NUMBER_LANGUAGES
from demo.session import chosen_set
from demo.session.session import Session
from demo.show import markup
from demo.steps.names import Shown
from demo.steps.teach.write import show
from demo.wording import Wording


class WriteHandlers:
    """Event handlers for the spelling of a set's transcripts."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def show(self, session: Session) -> Shown:
        """-> each choice by name, store (enabled if the set can be changed), preview (the texts that they change)."""
        typed = chosen_set.as_typed(session)
        form = chosen_set.form(session, typed)
        changeable = gr.update(interactive=chosen_set.stored_set(session) is not None)
        return {**self._fields(form, typed.language), "store": changeable, "preview": self._preview(session, form)}

    def preview(self, session: Session, **choices: Any) -> Shown:
        """Each choice by name -> preview (the texts that they change, before and after)."""
        return {"preview": self._preview(session, Normalisation(**choices))}

    def propose(self, session: Session) -> Shown:
        """-> each choice by name, set to make the texts consistent, preview (the texts that they change)."""
        typed = chosen_set.as_typed(session)
        form = detect([clip.text for clip in typed.clips], typed.language)
        return {**self._fields(form, typed.language), "preview": self._preview(session, form)}

    def store(self, session: Session, **choices: Any) -> Shown:
        """Each choice by name -> note (the choices are stored in the set)."""
        stored = chosen_set.changeable_set(session)
        session.library.write_as(stored.id, Normalisation(**choices))
        return {"note": markup.note(self._w("write.stored", name=stored.name), "good")}

    def _preview(self, session: Session, form: Normalisation) -> str:
        typed = chosen_set.as_typed(session)
        texts = [clip.text for clip in typed.clips]
        shown = show.preview(form.preview(texts, typed.language), len(set(texts)), self._w)
        return shown if chosen_set.stored_set(session) else shown + markup.fine(self._w("write.copy_first"))

    def _fields(self, form: Normalisation, language: str) -> Shown:
        useful = {
            "numbers": language in NUMBER_LANGUAGES,
            "vowel_marks": language in VOWEL_MARK_LANGUAGES,
            "full_width": language in EAST_ASIAN,
            "spaces": language in EAST_ASIAN,
            "script": language in CHINESE,
        }
        return {name: gr.update(value=getattr(form, name), visible=useful.get(name, True)) for name in CHOICES}
