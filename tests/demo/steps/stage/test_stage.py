"""The stage: how far each step is, and where the visitor was."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.data.samples import read_sample
from core.runs.run_folder import Run
from demo.session import reading_list
from demo.session.session import Session
from demo.steps.stage import show
from demo.steps.stage.handlers import READING, StageHandlers
from demo.steps.stage.show import State
from demo.wording import Wording

W = Wording("en")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session", local=True)


@pytest.fixture
def handlers() -> StageHandlers:
    return StageHandlers(W)


def link(bar: str, step: str) -> str:
    """The link to a step."""
    return next(part for part in bar.split("<a ") if f'href="#step-{step}"' in part)


def test_a_new_visitor_has_a_model_and_a_set_and_nothing_else(session: Session, handlers: StageHandlers) -> None:
    bar = handlers.states(session)["bar"]
    assert 'data-text="whisper-tiny.en"' in link(bar, "model")
    assert "Accent (sample), 36 clips to learn from" in link(bar, "teach")
    for step in ("listen", "adapt", "compare", "home"):
        assert "not done yet" in link(bar, step)


def test_own_clips_that_are_too_few_are_not_done(session: Session, handlers: StageHandlers) -> None:
    session.choose(labelled_set="own")
    assert "not done yet" in link(handlers.states(session)["bar"], "teach")


def test_a_finished_run_shows_its_rates(session: Session, own_run: Run, handlers: StageHandlers) -> None:
    assert "WER" in link(handlers.states(session)["bar"], "compare")
    for step in ("adapt", "compare", "home"):
        assert 'class="done"' in link(handlers.states(session)["bar"], step)


def test_what_was_said_is_no_markup() -> None:
    bar = show.bar({"listen": State("done", '"><script>alert(1)</script>')}, W)
    assert "<script>" not in bar


def test_a_page_opens_where_the_visitor_was(session: Session, own_run: Run, handlers: StageHandlers) -> None:
    assert handlers.restore(session)["place"] == ""
    prompt = reading_list.read(session).prompt
    take = reading_list.receive(session, prompt, Path(read_sample("accent").clips[0].path)).takes[prompt]
    reading_list.keep(session, prompt, "en")
    session.choose(labelled_set="own")
    assert handlers.restore(session)["place"] == READING
    later = time.time() + 60
    os.utime(own_run.folder / "request.json", (later, later))  # a fine-tune was started after it
    assert handlers.restore(session)["place"] == ""
    assert take.id
