"""What is taken home: where the files are to be had, and to whom they are handed out."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from core.errors import AttuneError, AudioError, DatasetError, RunError
from core.runs.run_folder import Run
from core.runs.run_name import read_name
from demo.session import uploads
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.steps.compare.lineup.show import choices
from demo.steps.take_home.handlers import TakeHomeHandlers, write
from demo.wording import Wording

LANGUAGES = [Wording("en"), Wording("zh-CN")]
W = LANGUAGES[0]


class Listening:
    """A pool of models that writes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []

    def transcribe(self, owner: str, id: str, language: str, wave: np.ndarray, **how: object) -> SimpleNamespace:
        self.asked.append((id, language, len(wave)))
        return SimpleNamespace(transcript=SimpleNamespace(text="<b>tried</b>"), seconds=0.2)


def handlers(w: Wording, pool: Listening | None = None) -> TakeHomeHandlers:
    return TakeHomeHandlers(w, pool or Listening())


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session", local=True)


def test_without_a_run_there_is_nothing_to_take(session: Session) -> None:
    shown = handlers(W).show(session)
    assert W("home.empty") in shown["download"]
    assert shown["report"] == ""


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
def test_the_report_speaks_the_pages_language(w: Wording, session: Session, own_run: Run) -> None:
    shown = handlers(w).show(session)
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


def uploaded(session: Session, samples: np.ndarray) -> Upload:
    place = uploads.folder(session) / ("a" * 16)
    place.mkdir(parents=True)
    soundfile.write(place / "said.wav", samples, 16_000)
    return Upload("a" * 16)


def files(session: Session) -> set[Path]:
    return {path for path in session.folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_trying_the_adapted_model_leaves_nothing_behind(session: Session, own_run: Run) -> None:
    session.choose(clip="b" * 16, heard="before")
    pool, before, choices_before = Listening(), files(session), session.choices
    upload = uploaded(session, 0.1 * np.sin(np.arange(16_000) / 20))
    written = handlers(W, pool).try_here(session, upload)["written"]
    assert pool.asked == [(str(own_run.adapted), "en", 16_000)]  # by the adapted model, and by no other
    assert "&lt;b&gt;tried&lt;/b&gt;" in written
    assert "1.0 s of sound" in written
    assert files(session) == before
    assert session.choices == choices_before
    assert session.recordings.all() == []
    with pytest.raises(DatasetError, match="not uploaded here"):
        handlers(W, pool).try_here(session, upload)


def test_a_sound_that_cannot_be_used_is_refused_and_deleted(session: Session, own_run: Run) -> None:
    before, upload = files(session), uploaded(session, np.zeros(16_000))
    with pytest.raises(AudioError):
        handlers(W).try_here(session, upload)
    assert files(session) == before


def test_without_a_finished_run_nothing_can_be_tried_or_named(session: Session) -> None:
    with pytest.raises(RunError):
        handlers(W).try_here(session, Upload("a" * 16))
    with pytest.raises(RunError):
        handlers(W).rename(session, "x")
    assert handlers(W).try_here(session, None) == {}


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
def test_a_name_is_saved_and_shown_where_the_run_is_listed(w: Wording, session: Session, own_run: Run) -> None:
    said = handlers(w).rename(session, " <i>Mine</i> ")
    assert said["name"] == read_name(own_run) == "<i>Mine</i>"
    assert "&lt;i&gt;Mine" in said["name_note"]
    assert handlers(w).show(session)["name"] == "<i>Mine</i>"
    assert choices([own_run], w)[0][0].startswith("<i>Mine</i> · ")
    assert handlers(w).rename(session, "")["name"] == read_name(own_run) == ""


def test_what_it_is_for_is_said_and_the_link_is_offered(session: Session, own_run: Run) -> None:
    shown = handlers(W).show(session)["download"]
    assert W("home.for.python") in shown
    assert W("home.for.programs") in shown
    assert f'data-path="/shared/{session.name}/one/' in shown
    assert "until you delete the run" in shown
