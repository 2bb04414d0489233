"""Step 3: labelling clips and choosing the set."""

from __future__ import annotations

import gradio as gr

from core import audio
from core.errors import DatasetError
from demo import chosen, presenters
from demo.session import Session
from demo.wording import Wording


class TeachHandlers:
    """What happens in step 3."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def choose(self, session: Session, name: str) -> tuple[str]:
        """Set name -> its card."""
        chosen.choose(session, name)
        return (self.card(session),)

    def choices(self, session: Session) -> tuple[dict]:
        """-> what can be learnt from, and what is."""
        return (gr.update(choices=chosen.choices(session, self._w), value=session.choices.labelled_set),)

    def card(self, session: Session) -> str:
        """The chosen set -> what it holds."""
        try:
            labelled = chosen.labelled_set(session)
        except DatasetError as error:
            return presenters.note(presenters.explain(error, self._w), "warning")
        example = chosen.sound(session, labelled.clips[0].path)
        minutes = sum(audio.duration(clip.path) for clip in labelled.clips) / 60
        return presenters.set_card(chosen.about(session, self._w), labelled, minutes, example, self._w)

    def add(self, session: Session, text: str, language: str) -> tuple:
        """Corrected transcript -> note, own clips, removal choices, card, panel."""
        clip = session.choices.clip
        if not clip:
            raise DatasetError("no_clip", "Record or upload a clip first.")
        recording = session.collection.label(clip, text, language)
        clips = len(session.collection.clips())
        return presenters.note(self._w("teach.added", text=recording.text, clips=clips), "good"), *self.own(session)

    def own(self, session: Session) -> tuple:
        """The own clips -> list, removal choices, card."""
        recordings = session.collection.recordings()
        choices = [(f"{r.text or self._w('teach.unlabelled')} ({r.seconds:.1f} s)", r.id) for r in reversed(recordings)]
        return presenters.own_clips(recordings, self._w), gr.update(choices=choices, value=None), self.card(session)

    def remove(self, session: Session, id: str | None) -> tuple:
        """Recording id -> list, removal choices, card."""
        if id:
            session.collection.remove(id)
            if session.choices.clip == id:
                session.choose(clip="", heard="")
        return self.own(session)

    def choose_language(self, session: Session, language: str) -> tuple[str]:
        """Language of the own clips -> card."""
        session.choose(language=language)
        return (self.card(session),)
