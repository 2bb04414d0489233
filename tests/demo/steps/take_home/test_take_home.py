"""What is taken home: where the files are to be had, and to whom they are handed out."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import AttuneError
from core.runs.run_folder import Run
from demo.session.session import Session
from demo.steps.take_home.handlers import TakeHomeHandlers, write
from demo.wording import Wording

LANGUAGES = [Wording("en"), Wording("zh-CN")]
W = LANGUAGES[0]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session", local=True)


def test_without_a_run_there_is_nothing_to_take(session: Session) -> None:
    shown = TakeHomeHandlers(W).show(session)
    assert W("home.empty") in shown["download"]
    assert shown["report"] == ""


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
def test_the_report_speaks_the_pages_language(w: Wording, session: Session, own_run: Run) -> None:
    shown = TakeHomeHandlers(w).show(session)
    for kind in ("html", "md", "json"):
        assert f"/report/one/{w.language}/report.{kind}" in shown["report"]
        assert write(session, "one", w.language, kind).is_file()
    assert "/take-home/one.zip" in shown["download"]
    page = write(session, "one", w.language, "html").read_text(encoding="utf-8")
    assert f'<html lang="{w.language}">' in page
    assert ("原话" in page) == (w.language == "zh-CN")
    assert f"attune finetune --again {own_run.folder}" in page
    assert own_run.result().versions["processor"] in page


@pytest.mark.parametrize(
    ("id", "language", "kind"),
    [
        ("other", "en", "html"),
        ("../one", "en", "html"),
        ("one", "klingon", "html"),
        ("one", "en", "exe"),
        ("one", "..", "html"),
    ],
)
def test_no_other_file_is_handed_out(id: str, language: str, kind: str, session: Session, own_run: Run) -> None:
    with pytest.raises((AttuneError, KeyError)):
        write(session, id, language, kind)
