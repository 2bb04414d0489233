"""Step 3 says before anything is recorded or trained that the model does not write the language of the clips."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.models import languages
from demo.background.model_pool import ModelPool
from demo.session import reading_list
from demo.session.session import Session
from demo.steps.teach.handlers import TeachHandlers
from demo.steps.teach.record.handlers import RecordHandlers
from demo.wording import LANGUAGES, Wording

W = Wording("en")


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(languages, "is_here", {"whisper-tiny.en", "whisper-base"}.__contains__)
    return Session(tmp_path / "session")


def card(session: Session, w: Wording = W) -> str:
    return TeachHandlers(w).chosen(session)["card"]


def place(session: Session, w: Wording = W) -> str:
    return RecordHandlers(w, ModelPool()).progress(session)["place"]


def test_a_new_visitor_of_either_page_reads_no_warning(tmp_path: Path, session: Session) -> None:
    for language in LANGUAGES:
        visitor = Session(tmp_path / language, page=language)
        assert "warning" not in card(visitor, Wording(language)) + place(visitor, Wording(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_own_clips_in_another_language_are_warned_of_before_there_are_any(language: str, session: Session) -> None:
    session.choose(labelled_set="own")
    shown = TeachHandlers(Wording(language)).choose_language(session, "zh")["card"]
    assert {"en": "Your own clips are in Chinese", "zh-CN": "你自己的录音是中文"}[language] in shown
    assert "whisper-base" in shown
    session.choose(model="whisper-base")
    assert "Your own clips are in Chinese" not in card(session)


def test_the_chosen_set_in_another_language_is_warned_of(session: Session) -> None:
    session.choose(labelled_set="language")
    assert "This set is in Swahili, which whisper-tiny.en does not write" in card(session)
    session.choose(model="whisper-base")
    assert "This set is in Swahili" not in card(session)


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_in_another_language_are_warned_of_before_they_are_read(language: str, session: Session) -> None:
    reading_list.choose(session, "zh_sentences")
    assert {"en": "These sentences are in Chinese", "zh-CN": "这些句子是中文"}[language] in place(session, Wording(language))
    session.choose(model="whisper-base")
    assert "warning" not in place(session, Wording(language))
