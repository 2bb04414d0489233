"""Step 3: handlers for recording the sentences of a list."""

from __future__ import annotations

import gradio as gr

from core.audio import sound_files
from core.data.clips.exam import EXAM
from core.data.inspection import quality
from core.data.names import OWN as OWN_CLIPS
from core.errors import DatasetError
from core.models.languages import is_foreign
from demo.background.model_pool import ModelPool
from demo.session import exam, reading_list, uploads
from demo.session.reading import Reading
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.show import languages, markup
from demo.steps.names import Shown
from demo.steps.teach.record import show as takes
from demo.wording import Wording
from demo.wording.reading_lists import LISTS, OWN


class RecordHandlers:
    """Event handlers for recording prompts. All of them show the panel from what is on disk.

    A take whose sound passes its checks is kept at once. A sentence of the exam is transcribed only when its take is kept,
    and then not recorded again: the exam counts what the base makes of it, and nobody may pick the readings it likes.
    """

    def __init__(self, w: Wording, pool: ModelPool) -> None:
        self._w, self._pool = w, pool

    def restore(self, session: Session) -> Shown:
        """-> list, own (sentences), and the outputs of `shown`."""
        now = reading_list.current(session)
        own = {"own": "\n".join(now.own)} if now.own else {}
        return {"list": gr.update(value=now.list), **own, **self.shown(session)}

    def shown(self, session: Session) -> Shown:
        """-> shown (the prompt), prompt, take, heard (the base's transcript), record, keep, previous, next, and the outputs of
        `progress`."""
        now = reading_list.current(session)
        done = reading_list.kept(session, now)
        number = now.prompts.index(now.prompt) + 1
        take, good = self._take(session, now)
        is_kept = now.prompt in done
        is_final = is_kept and now.part == EXAM
        label = "record.again" if take and not is_final else "record.record"
        again = "secondary" if take and (good or is_kept) else "primary"
        empty = "record.all" if all(text in done for text in now.prompts) else "record.empty"
        return {
            "shown": now.prompt,
            "prompt": takes.prompt(now.prompt, self._w),
            "take": take or markup.note(self._w(empty)),
            "heard": self._heard(session, now, now.prompt) if take else "",
            "record": gr.update(value=self._w(label), variant=again, interactive=not is_final),
            "keep": gr.update(
                value=self._w("record.keep" if take and not is_kept else "record.continue"),
                interactive=bool(take),
                variant="primary" if is_kept else "secondary",
            ),
            "previous": gr.update(interactive=number > 1),
            "next": gr.update(interactive=number < len(now.prompts)),
            **self.progress(session),
        }

    def progress(self, session: Session) -> Shown:
        """-> place (the exam, the lessons and what is read of them), exam (the base's errors), offers, more (shown where they
        are of use)."""
        now = reading_list.read(session)
        found = exam.exam(session, now)
        done = reading_list.kept(session, now)
        language = now.language or session.choices.language
        foreign = markup.note(languages.foreign(session.choices.model, language, "list", self._w), "warning")
        return {
            "place": foreign + takes.place(now.plan, now.prompt, done.keys(), found.errors, self._w),
            "exam": takes.exam(found, now.list in now.chosen, self._w),
            "offers": gr.update(visible=found.is_faultless),
            "more": gr.update(visible=all(text in done for text in now.prompts) and now.list in LISTS),
        }

    def choose(self, session: Session, name: str) -> Shown:
        """name (of a list) -> the outputs of `shown`."""
        reading_list.choose(session, name)
        return self.shown(session)

    def choose_kind(self, session: Session, kind: str) -> Shown:
        """kind (of list: "accent", "names", or "language" for sentences of another) -> list, and the outputs of `shown`."""
        language = reading_list.read(session).language or session.choices.language
        if kind == "language":
            language, kind = "en" if language == "zh" else "zh", "sentences"
        name = f"{language if language in ('en', 'zh') else 'en'}_{kind}"
        return {"list": name, **self.choose(session, name)}

    def use_own(self, session: Session, text: str, language: str) -> Shown:
        """text (pasted lines), language -> list, and the outputs of `shown`."""
        reading_list.use_own(session, text, language)
        return {"list": OWN, **self.shown(session)}

    def more(self, session: Session) -> Shown:
        """-> the outputs of `shown`, for sentences of the list not read yet."""
        reading_list.more(session)
        return self.shown(session)

    def with_noise(self, session: Session) -> Shown:
        """-> the outputs of `shown`, for sentences of the list not read yet, to be read with noise in the room."""
        return {**self.more(session), "exam": markup.note(self._w("record.offer.noise_on"))}

    def previous(self, session: Session, prompt: str) -> Shown:
        """prompt -> the outputs of `shown`, for the previous prompt."""
        reading_list.move(session, prompt, -1)
        return self.shown(session)

    def next(self, session: Session, prompt: str) -> Shown:
        """prompt -> the outputs of `shown`, for the next prompt."""
        reading_list.move(session, prompt, 1)
        return self.shown(session)

    def receive(self, session: Session, prompt: str, upload: Upload | None, language: str, auto: bool = False) -> Shown:
        """prompt (the one spoken; "" to start over), upload (its recording), language (of the own clips), auto -> language.

        The recording is added to the collection, and kept if its sound is good; with `auto` the next prompt follows then.
        """
        if not prompt:
            return {}
        if upload is None:
            raise DatasetError("prompt_nothing", "Record the sentence first.")
        with uploads.taken(session, upload) as path:
            now = reading_list.receive(session, prompt, path)
        wave = sound_files.decode(session.recordings.get(now.takes[prompt].id).path)
        if quality.check(quality.measure(wave)):
            return {}
        kept = self._keep(session, prompt, language)
        if auto:
            reading_list.go_on(session, prompt)
        return kept

    def hear(self, session: Session, prompt: str, language: str, auto: bool = False) -> Shown:
        """prompt, language, auto -> heard (the base's transcript of the prompt's take, compared with the prompt).

        With `auto` it is shown although the next prompt is already there, until that one is recorded. Sentences of the exam
        that the chosen base has not transcribed yet are transcribed too.
        """
        now, base = reading_list.read(session), session.choices.model
        kept = reading_list.kept(session, now)
        exam = [one.text for one in now.plan if one.part == EXAM]
        waiting = [text for text in [prompt, *exam] if text in (kept if text in exam else now.takes)]
        for text in dict.fromkeys(waiting):
            take = now.takes[text]
            if take.heard is not None and take.base == base:
                continue
            wave = sound_files.decode(session.recordings.get(take.id).path)
            heard = self._pool.transcribe(session.name, base, "", wave)
            spoken = now.language or language
            checked = heard.language in ("", spoken) and not is_foreign(base, spoken)
            reading_list.hear(session, text, take.id, heard.transcript.text, checked, base)
        after = reading_list.read(session)
        shown = prompt in waiting and (after.prompt == prompt or (auto and not after.takes.get(after.prompt)))
        return {"heard": self._heard(session, after, prompt)} if shown else {}

    def keep(self, session: Session, prompt: str, language: str) -> Shown:
        """prompt, language (of the own clips) -> language, and the outputs of `shown`: for the next prompt, or for the same if
        the exam's transcript of it is still to come."""
        now = reading_list.read(session)
        was_kept = prompt in reading_list.kept(session, now)
        kept = {} if was_kept else self._keep(session, prompt, language)
        if was_kept or not any(one.text == prompt and one.part == EXAM for one in now.plan):
            reading_list.go_on(session, prompt)
        return {**kept, **self.shown(session)}

    def _keep(self, session: Session, prompt: str, language: str) -> Shown:
        language = reading_list.read(session).language or language
        reading_list.keep(session, prompt, language)
        session.choose(language=language, labelled_set=OWN_CLIPS)
        return {"language": language}

    def _take(self, session: Session, now: Reading) -> tuple[str, bool]:
        """Returns the take of the current prompt as markup, and whether its sound passed all checks."""
        recording = reading_list.pending(session, now)
        if recording is None:
            return "", False
        measures = quality.measure(sound_files.decode(recording.path))
        found = quality.check(measures)
        url = f"/sound/recording/{recording.id}"
        state = ("kept" if now.part != EXAM else "kept_exam") if recording.text else "received"
        return takes.take(url, measures, found, state, self._w), not found

    def _heard(self, session: Session, now: Reading, prompt: str) -> str:
        take, is_exam = now.takes[prompt], any(one.text == prompt and one.part == EXAM for one in now.plan)
        if is_exam and prompt not in reading_list.kept(session, now):
            return markup.note(self._w("record.exam.first"))
        if take.heard is None or take.base != session.choices.model:
            return markup.note(self._w("record.hearing"))
        language = now.language or session.choices.language
        suspected = quality.check_speech(prompt, take.heard, language) if take.checked else None
        found = [suspected] if suspected else []
        return takes.heard(prompt, take.heard, language, found, take.checked, is_exam, self._w)
