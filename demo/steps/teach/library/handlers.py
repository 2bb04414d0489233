"""Step 3: handlers for the named sets of the session's library."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import gradio as gr

from core.data.clips.parts import assign_parts
from core.data.exporters import LAYOUTS
from core.data.library.stored_set import StoredSet
from core.data.samples import SAMPLES
from core.errors import DatasetError
from core.text.scoring import clean
from demo.session import chosen_set, removal
from demo.session.session import Session
from demo.show import markup
from demo.steps import removed_panel
from demo.steps.names import Shown
from demo.steps.teach.library import show
from demo.wording import Wording


class LibraryHandlers:
    """Event handlers for named sets."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def show(self, session: Session, format: str) -> Shown:
        """format (of the download) -> listed, changing (shown if the chosen set can be changed), other (the sets it can be
        merged with), `removed_panel.offer`, empty (the trash), link (the download), where (the sets' folder)."""
        sets, trash = session.library.sets(), session.library.trash()
        current = session.choices.labelled_set
        stored = next((one for one in sets if one.id == current), None)
        others = [(one.name, one.id) for one in sets if stored and one.id != current and one.language == stored.language]
        deleted = [(one.name, one.id) for one in trash]
        return {
            "listed": show.listed(sets, current, len(session.library.damaged()), self._w),
            "changing": gr.update(visible=stored is not None),
            "other": gr.update(choices=others, value=None),
            **removed_panel.offer(deleted),
            "empty": gr.update(visible=len(deleted) > 1),
            **self.link(session, format),
            "where": self._where(session),
        }

    def link(self, session: Session, format: str) -> Shown:
        """format -> link (the download of the chosen set in that format)."""
        stored = chosen_set.stored_set(session)
        if stored is None or format not in LAYOUTS:
            return {"link": ""}
        label = markup.escape(self._w("library.download", name=stored.name))
        return {"link": f'<a class="download" href="/set/{stored.id}/{format}.zip" download>{label}</a>'}

    def save(self, session: Session, name: str) -> Shown:
        """name -> note (the own clips are saved as a set of that name), name (empty)."""
        clips = session.recordings.clips()
        if not clips:
            raise DatasetError("no_training_clips", "There are no labelled clips of your own yet.")
        language = session.choices.language
        with suppress(DatasetError):  # too few to hold out any
            clips = assign_parts(clips, language)
        return self._made(session, session.library.create(clean(name) or self._w("set.own"), clips, language).stored)

    def copy(self, session: Session, name: str) -> Shown:
        """name -> note (the chosen set is copied under that name), name (empty)."""
        stored = chosen_set.stored_set(session)
        if stored is not None:
            name = clean(name) or self._w("library.copy_of", name=stored.name)
            return self._made(session, session.library.copy(stored.id, name))
        typed = chosen_set.as_typed(session)
        clips = assign_parts(typed.clips, typed.language)
        name = clean(name) or self._w(f"set.{session.choices.labelled_set}")
        created = session.library.create(name, clips, typed.language, synthetic=typed.synthetic)
        return self._made(session, created.stored)

    def rename(self, session: Session, name: str) -> Shown:
        """name -> note (the chosen set has that name), name (empty)."""
        renamed = session.library.rename(chosen_set.changeable_set(session).id, name)
        return {"note": markup.note(self._w("library.renamed", name=renamed.name), "good"), "name": ""}

    def merge(self, session: Session, other: str | None, name: str) -> Shown:
        """other (id of another set), name -> note (the size of the merged set, duplicates and conflicts), name (empty)."""
        one = chosen_set.changeable_set(session)
        if not other:
            raise DatasetError("merge_none", "Choose the set to merge with.")
        second = session.library.open(other)
        merged = session.library.merge(one.id, other, clean(name) or f"{one.name} + {second.name}"[:200])
        session.choose(labelled_set=merged.stored.id)
        sentence = self._w(
            "library.merged",
            name=merged.stored.name,
            clips=len(merged.stored.clips),
            duplicates=len(merged.duplicates),
            conflicting=len(merged.conflicting),
            sentences=merged.overlap.sentences,
            speakers=merged.overlap.speakers,
        )
        clashes = bool(merged.conflicting or merged.overlap.sentences or merged.overlap.speakers)
        return {"note": markup.note(sentence, "warning" if clashes else "good"), "name": ""}

    def delete(self, session: Session) -> Shown:
        """-> note (the chosen set is in the trash)."""
        stored = chosen_set.changeable_set(session)
        session.library.delete(stored.id)
        session.choose(labelled_set=SAMPLES[0])
        return {"note": markup.note(self._w("library.deleted", name=stored.name), "good")}

    def restore(self, session: Session, id: str | None) -> Shown:
        """id (of a deleted set) -> note (it is restored)."""
        if not id:
            raise DatasetError("no_set", "There is no such set in the library.")
        stored = session.library.restore(id)
        session.choose(labelled_set=stored.id)
        return {"note": markup.note(self._w("library.restored", name=stored.name), "good")}

    def delete_for_good(self, session: Session, id: str | None) -> Shown:
        """id (of a deleted set) -> note (it is permanently deleted)."""
        deleted = next((one for one in session.library.trash() if one.id == id), None)
        if deleted is None:
            raise DatasetError("not_removed", "That is no longer among the removed items, so it cannot be restored.")
        self._refuse_in_use(session, [deleted])
        session.library.delete_for_good(deleted.id, partial(removal.forget_clips, session))
        return {"note": markup.note(self._w("removed.gone"), "good")}

    def empty(self, session: Session) -> Shown:
        """-> note (all sets in the trash are permanently deleted)."""
        self._refuse_in_use(session, session.library.trash())
        gone = session.library.empty_trash(partial(removal.forget_clips, session))
        return {"note": markup.note(self._w("library.emptied", sets=gone), "good")}

    def _refuse_in_use(self, session: Session, sets: Sequence[StoredSet]) -> None:
        clips = [one.clip for stored in sets for one in (*stored.clips, *stored.left_out)]
        removal.refuse_in_use(session, frozenset(Path(clip.path) for clip in clips))

    def _made(self, session: Session, stored: StoredSet) -> Shown:
        session.choose(labelled_set=stored.id)
        sentence = self._w("library.saved", name=stored.name, clips=len(stored.clips))
        return {"note": markup.note(sentence, "good"), "name": ""}

    def _where(self, session: Session) -> str:
        if not session.local:
            return markup.fine(self._w("library.elsewhere"))
        stored = session.choices.labelled_set
        folder = session.library.folder / stored if len(stored) == 16 else session.library.folder
        return markup.fine(self._w("library.where", folder=folder))
