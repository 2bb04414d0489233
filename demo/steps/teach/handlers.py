"""Step 3: labelling clips and choosing the set."""

from __future__ import annotations

from functools import partial

import gradio as gr

from core.data.library.recordings import Recording
from core.errors import DatasetError, RunError
from demo.session import chosen_set, removal
from demo.session.session import Session
from demo.show import presenters
from demo.steps.your_data.handlers import removable
from demo.wording import Wording


class TeachHandlers:
    """What happens in step 3."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def choose(self, session: Session, name: str) -> tuple[str]:
        """Set name -> its card."""
        chosen_set.choose(session, name)
        return (self.card(session),)

    def choices(self, session: Session) -> tuple[dict]:
        """-> what can be learnt from, and what is."""
        return (gr.update(choices=chosen_set.choices(session, self._w), value=session.choices.labelled_set),)

    def card(self, session: Session) -> str:
        """The chosen set -> what it holds."""
        try:
            labelled = chosen_set.labelled_set(session)
        except DatasetError as error:
            return presenters.note(presenters.explain(error, self._w), "warning")
        example = chosen_set.sound(session, labelled.clips[0])
        minutes = sum(map(chosen_set.seconds, labelled.clips)) / 60
        return presenters.set_card(chosen_set.about(session, self._w), labelled, minutes, example, self._w)

    def add(self, session: Session, text: str, language: str) -> tuple:
        """Corrected transcript -> note, then as `own`."""
        clip = session.choices.clip
        if not clip:
            raise DatasetError("no_clip", "Record or upload a clip first.")
        recording = session.recordings.label(clip, text, language)
        clips = len(session.recordings.clips())
        return presenters.note(self._w("teach.added", text=recording.text, clips=clips), "good"), *self.own(session)

    def own(self, session: Session) -> tuple:
        """The own clips -> list, removal choices, card, whether removed ones can be restored, which."""
        recordings = session.recordings.all()
        choices = [(self._label(recording), recording.id) for recording in reversed(recordings)]
        gone = [(self._label(recording), recording.id) for recording in session.recordings.removed()]
        return (
            presenters.own_clips(recordings, self._w),
            gr.update(choices=choices, value=None),
            self.card(session),
            *removable(gone),
        )

    def remove(self, session: Session, id: str | None) -> tuple:
        """Recording id -> what became of it, then as `own`."""
        if not id:
            raise RunError("removal_missing", "Choose first what it is about.")
        path = session.recordings.get(id).path
        session.recordings.remove(id)
        if session.choices.clip == id:
            session.choose(clip="", heard="")
        told = presenters.note(self._w("removed.told"), "good")
        if sets := removal.also_in(session, path):
            told += presenters.fine(self._w("removed.also_in", sets=", ".join(sets)))
        if runs := removal.learnt_from(session, path):
            told += presenters.fine(self._w("removed.learnt_from", runs=runs))
        return told, *self.own(session)

    def restore(self, session: Session, id: str | None) -> tuple:
        """Removed recording -> that it is back, then as `own`."""
        session.recordings.restore(id or "")
        return presenters.note(self._w("removed.back"), "good"), *self.own(session)

    def delete(self, session: Session, id: str | None) -> tuple:
        """Removed recording -> that it is deleted for good, then as `own`."""
        removal.refuse_in_use(session, frozenset(one.path for one in session.recordings.removed() if one.id == id))
        session.recordings.delete(id or "", partial(removal.forget_clips, session))
        return presenters.note(self._w("removed.gone"), "good"), *self.own(session)

    def _label(self, recording: Recording) -> str:
        return f"{recording.text or self._w('teach.unlabelled')} ({recording.seconds:.1f} s)"

    def choose_language(self, session: Session, language: str) -> tuple[str]:
        """Language of the own clips -> card."""
        session.choose(language=language)
        return (self.card(session),)
