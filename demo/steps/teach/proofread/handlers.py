"""Step 3: handlers for proofreading a long recording."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import replace
from functools import partial

import gradio as gr

from core.data import drafts as drafting
from core.data.drafts import Draft, Drafts
from core.errors import DatasetError
from core.text.scoring import clean
from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.session import uploads
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.show import errors, markup
from demo.steps.names import Shown, numbered
from demo.steps.teach.proofread import long_recordings
from demo.steps.teach.proofread import show as rows
from demo.steps.teach.proofread.long_recordings import LongRecording
from demo.steps.teach.proofread.show import ROWS
from demo.wording import Wording


class ProofreadHandlers:
    """Event handlers for proofreading a long recording. Most of them show the panel from what is on disk, see `shown`."""

    def __init__(self, w: Wording, pool: ModelPool, tasks: Tasks) -> None:
        self._w, self._pool, self._tasks = w, pool, tasks

    def restore(self, session: Session) -> Shown:
        """-> panel (open while a recording is being proofread), and the outputs of `shown` for the first page."""
        panel = {} if long_recordings.current(session) is None else {"panel": gr.update(open=True)}
        return {**panel, **self.shown(session, "doubt", "0")}

    def shown(self, session: Session, order: str, page: str) -> Shown:
        """order, page -> loading, earlier, status, stop, go_on, timer, work, summary, back, forward, page, and for each row
        its frame, key, about and text."""
        recording, earlier = long_recordings.current(session), self._earlier(session)
        drafts = recording.drafts if recording else ()
        chosen = drafting.by_doubt(drafts) if order == "doubt" else list(range(len(drafts)))
        pages = max(1, math.ceil(len(chosen) / ROWS))
        at = min(max(0, int(page) if page.isdigit() else 0), pages - 1)
        here = [drafts[i] for i in chosen[at * ROWS : (at + 1) * ROWS]]
        filled = [self._row(recording, draft) for draft in here] if recording else []
        empty = [{"frame": gr.update(visible=False), "key": "", "about": ""} for _ in range(ROWS - len(filled))]
        reading = recording is not None and self._tasks.is_running(session.name, _kind(recording))
        about = recording.about if recording else None
        return {
            **self._running(session),
            "earlier": gr.update(visible=recording is None and bool(earlier), choices=earlier, value=None),
            "work": gr.update(visible=recording is not None and not reading),
            "summary": rows.summary(about, drafts, bool(chosen), self._w, page=at, pages=pages) if about else "",
            "back": gr.update(interactive=at > 0),
            "forward": gr.update(interactive=at < pages - 1),
            "page": str(at),
            **numbered("row", [*filled, *empty]),
        }

    def receive(self, session: Session, upload: Upload | None) -> Shown:
        """upload -> nothing; the recording is stored and cut at its pauses, and transcription has begun."""
        if upload is not None and long_recordings.current(session) is None:
            with uploads.taken(session, upload) as path:
                recording = long_recordings.receive(session, path)
            self._start(session, recording)
        return {}

    def look(self, session: Session) -> Shown:
        """-> loading, status, stop, go_on, timer, finished (the recording, once transcription has ended)."""
        running, recording = self._running(session), long_recordings.current(session)
        # Checked after `running`: once that has stopped the timer, the page does not ask again.
        is_over = recording is not None and not self._tasks.is_running(session.name, _kind(recording))
        return {**running, "finished": f"{recording.id} {recording.about.read}" if recording is not None and is_over else ""}

    def stop(self, session: Session) -> Shown:
        """-> the outputs of `look`."""
        recording = long_recordings.current(session)
        if recording is not None:
            self._tasks.stop(session.name, _kind(recording))
        return self.look(session)

    def go_on(self, session: Session, order: str, page: str) -> Shown:
        """order, page -> the outputs of `shown`, while the rest is transcribed."""
        recording = long_recordings.current(session)
        if recording is not None:
            self._start(session, recording)
        return self.shown(session, order, page)

    def back(self, session: Session, order: str, page: str) -> Shown:
        """order, page -> the outputs of `shown`, for the previous page."""
        return self.shown(session, order, str(int(page) - 1))

    def forward(self, session: Session, order: str, page: str) -> Shown:
        """order, page -> the outputs of `shown`, for the next page."""
        return self.shown(session, order, str(int(page) + 1))

    def type(self, session: Session, key: str, text: str) -> Shown:
        """key (of a row), text (as typed so far) -> nothing; the text is on disk, but not accepted yet."""
        recording = self._current(session)
        with suppress(DatasetError):  # a row that was split, merged or deleted meanwhile took its text along
            recording.change(lambda drafts: _typed(drafts, recording.find(key), text))
        return {}

    def accept(self, session: Session, key: str, text: str, order: str, page: str) -> Shown:
        """key, text, order, page -> the outputs of `shown`."""
        recording = self._current(session)
        language = recording.about.language
        recording.change(lambda drafts: drafting.edit(drafts, recording.find(key), text, language))
        return self.shown(session, order, page)

    def split(self, session: Session, key: str, text: str, seconds: float, order: str, page: str) -> Shown:
        """key, text, seconds (the position of the row's player), order, page -> the outputs of `shown`."""
        recording = self._current(session)
        if not seconds:
            raise DatasetError("draft_where", "Play the row, pause where you want to cut, then press Split.")
        language = recording.about.language

        def parted(drafts: Drafts) -> Drafts:
            index = recording.find(key)
            at = round(drafts[index].start + float(seconds), 3)
            return drafting.split(_typed(drafts, index, text), index, at, language)

        recording.change(parted)
        return self.shown(session, order, page)

    def merge(self, session: Session, key: str, text: str, order: str, page: str) -> Shown:
        """key, text, order, page -> the outputs of `shown`."""
        recording = self._current(session)
        language = recording.about.language

        def joined(drafts: Drafts) -> Drafts:
            index = recording.find(key)
            return drafting.merge(_typed(drafts, index, text), index, language)

        recording.change(joined)
        return self.shown(session, order, page)

    def delete(self, session: Session, key: str, order: str, page: str) -> Shown:
        """key, order, page -> the outputs of `shown`."""
        recording = self._current(session)
        recording.change(lambda drafts: drafting.delete(drafts, recording.find(key)))
        return self.shown(session, order, page)

    def keep(self, session: Session, order: str, page: str) -> Shown:
        """order, page -> kept (how many), and the outputs of `shown`."""
        clips = self._current(session).keep_as_clips(session)
        kept = self._w("proofread.kept", clips=clips)
        return {"kept": markup.note(kept, "good"), **self.shown(session, order, page)}

    def keep_as_set(self, session: Session, name: str, order: str, page: str) -> Shown:
        """name (of the set), order, page -> kept (how many), and the outputs of `shown`."""
        name, clips = self._current(session).keep_as_set(session, name)
        kept = self._w("proofread.kept_as_set", name=name, clips=clips)
        return {"kept": markup.note(kept, "good"), **self.shown(session, order, page)}

    def put_aside(self, session: Session, order: str) -> Shown:
        """order -> the outputs of `shown`, ready for another recording."""
        recording = long_recordings.current(session)
        if recording is not None:
            self._tasks.stop(session.name, _kind(recording))
        session.choose(long="")
        return self.shown(session, order, "0")

    def take_up(self, session: Session, id: str | None, order: str) -> Shown:
        """id (of an earlier recording), order -> the outputs of `shown`."""
        if id:
            session.choose(long=long_recordings.find(session, id).id)
        return self.shown(session, order, "0")

    def _current(self, session: Session) -> LongRecording:
        return long_recordings.find(session, session.choices.long)

    def _running(self, session: Session) -> Shown:
        """Returns values for loading, status, stop, go_on and timer."""
        recording = long_recordings.current(session)
        if recording is None:
            hidden = {"stop": gr.update(visible=False), "go_on": gr.update(visible=False), "timer": gr.update(active=False)}
            return {"loading": gr.update(visible=True), "status": "", **hidden}
        about, running = recording.about, self._tasks.look(session.name, _kind(recording))
        is_running = running is not None and not running.ended
        status = ""
        if running is not None and is_running:
            status = rows.progress(about, running.remaining(), running.stopping, self._w)
        elif running is not None and running.error is not None:
            status = markup.note(errors.explain(running.error, self._w), "error")
        elif about.read < about.spans:
            status = markup.note(self._w("proofread.stopped", read=about.read, spans=about.spans))
        unread = not is_running and about.read < about.spans
        stop = gr.update(visible=running is not None and is_running and not running.stopping)
        return {
            "loading": gr.update(visible=False),
            "status": status,
            "stop": stop,
            "go_on": gr.update(visible=unread),
            "timer": gr.update(active=is_running),
        }

    def _start(self, session: Session, recording: LongRecording) -> None:
        model, lend = session.choices.model, partial(self._pool.lend, session.name, soon=False)
        self._tasks.start(session.name, _kind(recording), model, lambda task: recording.transcribe(lend, model, task))

    def _earlier(self, session: Session) -> list[tuple[str, str]]:
        found = long_recordings.put_aside(session)
        return [
            (self._w("proofread.earlier_one", name=one.about.name, minutes=f"{one.about.seconds / 60:.1f}"), one.id)
            for one in found
        ]

    def _row(self, recording: LongRecording, draft: Draft) -> Shown:
        about = rows.about(recording.id, draft, self._w)
        key = long_recordings.key_of(draft)
        return {"frame": gr.update(visible=True), "key": key, "about": about, "text": draft.text}


def _typed(drafts: Drafts, index: int, text: str) -> Drafts:
    return (*drafts[:index], replace(drafts[index], text=clean(text)), *drafts[index + 1 :])


def _kind(recording: LongRecording) -> str:
    return f"transcribe {recording.id}"
