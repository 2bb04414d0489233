"""Handlers of step 6: trying the adapted model, naming the run, and downloading the model and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from core.audio import sound_files
from core.errors import RunError
from core.runs.export.hugging_face import name_run
from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.report.words import LANGUAGES
from core.runs.run_name import read_name
from demo.background.model_pool import ModelPool
from demo.session import shared_run, uploads
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.show import markup
from demo.steps.take_home import show
from demo.steps.take_home.show import report_links
from demo.wording import Wording

KINDS = ("html", "md", "json")


class TakeHomeHandlers:
    """The handlers of step 6."""

    def __init__(self, w: Wording, pool: ModelPool) -> None:
        self._w, self._pool = w, pool

    def show(self, session: Session) -> dict[str, Any]:
        """-> trial, naming (shown if there is a finished run), written, name, name_note, download, report.

        `download` and `report` are links to the adapted model and the report on the current run, which are written on request.
        """
        run = session.current_run()
        result = run.result() if run is not None else None
        panels = dict.fromkeys(("trial", "naming"), gr.update(visible=result is not None))
        emptied = {**panels, "written": "", "name": "", "name_note": ""}
        if run is None or result is None:
            return {**emptied, "download": markup.note(self._w("home.empty")), "report": ""}
        links = report_links(f"/report/{run.id}/{self._w.language}/report", KINDS, self._w)
        shared = f"{shared_run.path(session, run)}{self._w.language}/"
        return {**emptied, "name": read_name(run), "download": show.take_home(run, result, shared, self._w), "report": links}

    def trying(self, session: Session, upload: Upload | None) -> dict[str, Any]:
        """upload -> written (a note that it is being transcribed)."""
        return {"written": markup.note(self._w("home.try.working"))} if upload else {}

    def try_here(self, session: Session, upload: Upload | None) -> dict[str, Any]:
        """upload -> written (what the adapted model alone writes).

        The sound is checked like any other, and nothing is kept: it is deleted once it is transcribed, is no clip of the
        person's own, and leaves the clip of step 2 and every other choice as they are. The transcript is only on the page.
        """
        if upload is None:
            return {}
        run = session.current_run()
        if run is None or run.result() is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        request = run.request()
        with uploads.taken(session, upload) as path:
            wave = sound_files.decode(path)
        as_in_run = {"precision": request.recipe.precision, "thin": request.recipe.thin}
        language = request.labelled_set.language
        heard = self._pool.transcribe(session.name, str(run.adapted), language, wave, **as_in_run)
        return {"written": show.written(heard.transcript.text, len(wave) / sound_files.SAMPLE_RATE, heard.seconds, self._w)}

    def rename(self, session: Session, name: str) -> dict[str, Any]:
        """name -> name (as stored), name_note (that it is saved)."""
        run = session.current_run()
        if run is None:
            raise RunError("run_unfinished", "There is no adapted model yet.")
        stored = name_run(run, name)
        said = self._w("home.name.saved", name=stored) if stored else self._w("home.name.removed")
        return {"name": stored, "name_note": markup.note(said, "good")}


def write(session: Session, id: str, language: str, kind: str) -> Path:
    """Writes the report on one of the session's runs and returns its file.

    Raises:
        RunError: there is no such run, or it is not finished.
        KeyError: there is no such language or kind of file.
    """
    run = session.run(id)
    files = write_report(read_outcome(run), LANGUAGES[language], run.folder / "reports" / language)
    return dict(zip(KINDS, files, strict=True))[kind]
