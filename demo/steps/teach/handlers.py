"""Step 3: labelling clips and choosing the set."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import gradio as gr

from core.data.clips.labelled_set import clip_seconds
from core.data.library.recordings import Recording
from core.errors import DatasetError, RunError
from demo.session import chosen_set, removal
from demo.session.chosen_set import OWN
from demo.session.session import Session
from demo.show import languages, markup
from demo.steps import removed_panel
from demo.steps.adapt.request import missing
from demo.steps.names import Shown
from demo.steps.teach import show
from demo.wording import Wording


class TeachHandlers:
    """Event handlers of step 3."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def restore(self, session: Session) -> Shown:
        """-> language (of the own clips), and the outputs of `own`."""
        return {"language": session.choices.language, **self.own(session)}

    def choose(self, session: Session, name: str) -> Shown:
        """name (of a set) -> brief (its size), card (its contents)."""
        chosen_set.choose(session, name)
        return self._described(session)

    def read(self, session: Session) -> Shown:
        """-> the outputs of `chosen`. Whoever reads sentences trains on own clips."""
        chosen_set.choose(session, OWN)
        return self.chosen(session)

    def choices(self, session: Session) -> Shown:
        """-> choice (the sets to train on, and the chosen one)."""
        return {"choice": gr.update(choices=chosen_set.choices(session, self._w), value=session.choices.labelled_set)}

    def chosen(self, session: Session) -> Shown:
        """-> choice, brief, card."""
        return {**self.choices(session), **self._described(session)}

    def add(self, session: Session, text: str, language: str) -> Shown:
        """text (the corrected transcript), language -> added (a note), and the outputs of `own`. Own clips are chosen."""
        clip = session.choices.clip
        if not clip:
            raise DatasetError("no_clip", "Record or upload a clip first.")
        recording = session.recordings.label(clip, text, language)
        chosen_set.choose(session, OWN)
        clips = len(session.recordings.clips())
        return {"added": markup.note(self._w("teach.added", text=recording.text, clips=clips), "good"), **self.own(session)}

    def own(self, session: Session) -> Shown:
        """-> own (the clips), removal (those that can be removed), choice, brief, card, and `removed_panel.offer`."""
        recordings = session.recordings.all()
        choices = [(self._label(recording), recording.id) for recording in reversed(recordings)]
        gone = [(self._label(recording), recording.id) for recording in session.recordings.removed()]
        return {
            "own": show.own_clips(recordings, self._w),
            "removal": gr.update(choices=choices, value=None),
            **self.chosen(session),
            **removed_panel.offer(gone),
        }

    def remove(self, session: Session, id: str | None) -> Shown:
        """id (of a recording) -> removed_note (the sets and runs that still use it), and the outputs of `own`."""
        if not id:
            raise RunError("removal_missing", "Choose an item first.")
        path = session.recordings.get(id).path
        session.recordings.remove(id)
        if session.choices.clip == id:
            session.choose(clip="", heard="", spoken="")
        note = markup.note(self._w("removed.note"), "good")
        if sets := removal.also_in(session, path):
            note += markup.fine(self._w("removed.also_in", sets=", ".join(sets)))
        if runs := removal.learnt_from(session, path):
            note += markup.fine(self._w("removed.learnt_from", runs=runs))
        return {"removed_note": note, **self.own(session)}

    def restore_clip(self, session: Session, id: str | None) -> Shown:
        """id (of a removed recording) -> removed_note (it is restored), and the outputs of `own`."""
        session.recordings.restore(id or "")
        return {"removed_note": markup.note(self._w("removed.back"), "good"), **self.own(session)}

    def delete(self, session: Session, id: str | None) -> Shown:
        """id (of a removed recording) -> removed_note (it is permanently deleted), and the outputs of `own`."""
        removal.refuse_in_use(session, frozenset(one.path for one in session.recordings.removed() if one.id == id))
        session.recordings.delete(id or "", partial(removal.forget_clips, session))
        return {"removed_note": markup.note(self._w("removed.gone"), "good"), **self.own(session)}

    def choose_language(self, session: Session, language: str) -> Shown:
        """language (of the own clips) -> brief, card."""
        session.choose(language=language)
        return self._described(session)

    def _described(self, session: Session) -> Shown:
        foreign = self._foreign(session)
        return {name: f"{foreign}{shown}" for name, shown in self._set(session).items()}

    def _foreign(self, session: Session) -> str:
        """Returns a warning if the chosen model does not write the language of the chosen set or of the own clips, or ""."""
        choices = session.choices
        if choices.labelled_set != OWN:
            with suppress(DatasetError):  # `_set` says why the set cannot be used
                language = chosen_set.as_typed(session).language
                if sentence := languages.foreign(choices.model, language, "set", self._w):
                    return markup.note(sentence, "warning")
        return markup.note(languages.foreign(choices.model, choices.language, "own", self._w), "warning")

    def _set(self, session: Session) -> dict[str, str]:
        try:
            labelled = chosen_set.labelled_set(session)
        except DatasetError as error:
            card = markup.note(missing(self._w, session, error), "warning")
            is_own = session.choices.labelled_set == OWN
            return {"brief": show.own_so_far(len(session.recordings.clips()), self._w) if is_own else card, "card": card}
        example = chosen_set.sound(session, labelled.clips[0])
        minutes = sum(map(clip_seconds, labelled.clips)) / 60
        card = show.set_card(chosen_set.about(session, self._w), labelled, minutes, example, self._w)
        return {"brief": show.set_brief(labelled, example, self._w), "card": card}

    def _label(self, recording: Recording) -> str:
        return f"{recording.text or self._w('teach.unlabelled')} ({recording.seconds:.1f} s)"
