"""Step 6: the report on a run, in the page's language."""

from __future__ import annotations

from pathlib import Path

from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.report.words import LANGUAGES
from demo.session.session import Session
from demo.show.presenters import escape, fine
from demo.wording import Wording

KINDS = ("html", "md", "json")


class ReportHandlers:
    """What happens with the report."""

    def __init__(self, w: Wording) -> None:
        self._w = w

    def links(self, session: Session) -> tuple[str]:
        """-> where the report on the current run is to be had; it is written when someone asks for it."""
        run = session.current_run()
        if run is None or run.result() is None:
            return ("",)
        address = f"/report/{run.id}/{self._w.language}/report"
        links = " ".join(
            f'<a class="{"download" if kind == "html" else "also"}" href="{address}.{kind}" download>'
            f"{escape(self._w(f'report.{kind}'))}</a>"
            for kind in KINDS
        )
        return (f"<h3>{escape(self._w('report.title'))}</h3>{fine(self._w('report.about'))}<p>{links}</p>",)


def write(session: Session, id: str, language: str, kind: str) -> Path:
    """Writes the report on one of a browser's runs and returns its file.

    Raises:
        RunError: there is no such run, or it is not finished.
        KeyError: there is no such language or kind of file.
    """
    run = session.run(id)
    files = write_report(read_outcome(run), LANGUAGES[language], run.folder / "reports" / language)
    return dict(zip(KINDS, files, strict=True))[kind]
