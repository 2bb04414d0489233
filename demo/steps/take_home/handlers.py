"""Handlers of step 6: downloading the adapted model and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.report.words import LANGUAGES
from demo.session.session import Session
from demo.show import markup
from demo.steps.take_home import show
from demo.steps.take_home.show import report_links
from demo.wording import Wording

KINDS = ("html", "md", "json")


class TakeHomeHandlers:
    """The handlers of step 6."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def show(self, session: Session) -> dict[str, Any]:
        """-> download, report: links to the adapted model and the report on the current run.

        Both files are written on request.
        """
        run = session.current_run()
        result = run.result() if run is not None else None
        if run is None or result is None:
            return {"download": markup.note(self._w("home.empty")), "report": ""}
        links = report_links(f"/report/{run.id}/{self._w.language}/report", KINDS, self._w)
        return {"download": show.take_home(run, result, self._w), "report": links}


def write(session: Session, id: str, language: str, kind: str) -> Path:
    """Writes the report on one of the session's runs and returns its file.

    Raises:
        RunError: there is no such run, or it is not finished.
        KeyError: there is no such language or kind of file.
    """
    run = session.run(id)
    files = write_report(read_outcome(run), LANGUAGES[language], run.folder / "reports" / language)
    return dict(zip(KINDS, files, strict=True))[kind]
