"""Step 3: handlers for recording the sentences of a list."""

from __future__ import annotations

import gradio as gr

from core.audio import sound_files
from core.data.inspection import quality
from core.errors import DatasetError
from demo.background.model_pool import ModelPool
from demo.session import reading_list, uploads
from demo.session.reading_list import Reading
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.show import markup
from demo.steps.names import Shown
from demo.steps.teach.record import show as takes
from demo.wording import Wording


class RecordHandlers:
    """Event handlers for recording prompts. All of them show the panel from what is on disk."""

    def __init__(self, w: Wording, pool: ModelPool) -> None:
        self._w, self._pool = w, pool

    def restore(self, session: Session) -> Shown:
        """-> panel (open if something was recorded), list, own (sentences), and the outputs of `shown`."""
        now = reading_list.read(session)
        own = {"own": "\n".join(now.own)} if now.own else {}
        panel = {"panel": gr.update(open=True)} if now.takes else {}  # never closed: the visitor may have opened it already
        return {**panel, "list": gr.update(value=now.list), **own, **self.shown(session)}

    def shown(self, session: Session) -> Shown:
        """-> shown (the prompt), prompt, place, take, heard (the base's transcript), record, keep, previous, next, aim."""
        now = reading_list.read(session)
        done = reading_list.kept(session, now)
        number = now.prompts.index(now.prompt) + 1
        take, good = self._take(session, now)
        label = "record.again" if take else "record.record"
        is_kept = now.prompt in done
        recordings = [recording for recording in session.recordings.all() if recording.text]
        empty = "record.all" if len(done) >= len(now.prompts) else "record.empty"
        return {
            "shown": now.prompt,
            "prompt": takes.prompt(now.prompt, self._w),
            "place": takes.place(number, now.prompts, [text for text in now.prompts if text in done], self._w),
            "take": take or markup.note(self._w(empty)),
            "heard": self._heard(session, now) if take else "",
            "record": gr.update(value=self._w(label), variant="secondary" if take and good else "primary"),
            "keep": gr.update(interactive=bool(take) and not is_kept, variant="primary" if take and good else "secondary"),
            "previous": gr.update(interactive=number > 1),
            "next": gr.update(interactive=number < len(now.prompts)),
            "aim": takes.aim(len(recordings), sum(recording.seconds for recording in recordings), self._w),
        }

    def choose(self, session: Session, name: str) -> Shown:
        """name (of a list) -> the outputs of `shown`."""
        reading_list.choose(session, name)
        return self.shown(session)

    def use_own(self, session: Session, text: str, language: str) -> Shown:
        """text (pasted lines), language -> list, and the outputs of `shown`."""
        reading_list.use_own(session, text, language)
        return {"list": reading_list.OWN, **self.shown(session)}

    def previous(self, session: Session, prompt: str) -> Shown:
        """prompt -> the outputs of `shown`, for the previous prompt."""
        reading_list.move(session, prompt, -1)
        return self.shown(session)

    def next(self, session: Session, prompt: str) -> Shown:
        """prompt -> the outputs of `shown`, for the next prompt."""
        reading_list.move(session, prompt, 1)
        return self.shown(session)

    def receive(self, session: Session, prompt: str, upload: Upload | None) -> Shown:
        """prompt (the one spoken), upload (its recording) -> nothing; the recording is added to the collection."""
        if upload is None:
            raise DatasetError("prompt_nothing", "Record the sentence first.")
        with uploads.taken(session, upload) as path:
            reading_list.receive(session, prompt, path)
        return {}

    def hear(self, session: Session, prompt: str, language: str) -> Shown:
        """prompt, language -> heard (the base's transcript of the prompt's take, compared with the prompt)."""
        now = reading_list.read(session)
        take = now.takes.get(prompt)
        if take is None or take.heard is not None:
            return {}
        wave = sound_files.decode(session.recordings.get(take.id).path)
        heard = self._pool.transcribe(session.name, session.choices.model, "", wave)
        checked = heard.language in ("", now.language or language)
        now = reading_list.hear(session, prompt, take.id, heard.transcript.text, checked)
        return {"heard": self._heard(session, now)} if now.prompt == prompt else {}

    def keep(self, session: Session, prompt: str, language: str) -> Shown:
        """prompt, language (of the own clips) -> language, and the outputs of `shown` for the next prompt."""
        language = reading_list.read(session).language or language
        reading_list.keep(session, prompt, language)
        session.choose(language=language)
        return {"language": language, **self.shown(session)}

    def _take(self, session: Session, now: Reading) -> tuple[str, bool]:
        """Returns the take of the current prompt as markup, and whether its sound passed all checks."""
        recording = reading_list.pending(session, now)
        if recording is None:
            return "", False
        measures = quality.measure(sound_files.decode(recording.path))
        found = quality.check(measures)
        url = f"/sound/recording/{recording.id}"
        return takes.take(url, measures, found, bool(recording.text), self._w), not found

    def _heard(self, session: Session, now: Reading) -> str:
        take = now.takes[now.prompt]
        if take.heard is None:
            return markup.note(self._w("record.hearing"))
        language = now.language or session.choices.language
        suspected = quality.check_speech(now.prompt, take.heard, language) if take.checked else None
        found = [suspected] if suspected else []
        return takes.heard(now.prompt, take.heard, language, found, take.checked, self._w)
