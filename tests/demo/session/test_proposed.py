"""What a page proposes to a new visitor, in its language, and never to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.models import languages
from demo.session import reading_list
from demo.session.session import Choices, Session


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The models on this computer."""
    there = {"whisper-tiny.en", "whisper-base"}
    monkeypatch.setattr(languages, "is_here", there.__contains__)
    return there


def test_the_page_in_chinese_proposes_what_writes_chinese(here: set[str], tmp_path: Path) -> None:
    session = Session(tmp_path, page="zh-CN")
    assert session.choices == Choices(model="whisper-base", language="zh")
    assert reading_list.read(session).list == "zh_sentences"
    assert not list(tmp_path.iterdir())


def test_without_such_a_model_the_first_one_stays(here: set[str], tmp_path: Path) -> None:
    here.discard("whisper-base")
    assert Session(tmp_path, page="zh-CN").choices == Choices(model="whisper-tiny.en", language="zh")


def test_the_page_in_english_proposes_what_it_did(here: set[str], tmp_path: Path) -> None:
    assert Session(tmp_path).choices == Choices() == Choices(model="whisper-tiny.en", language="en")
    assert reading_list.read(Session(tmp_path)).list == "en_sentences"


def test_a_proposal_follows_the_page_until_something_is_chosen(here: set[str], tmp_path: Path) -> None:
    assert Session(tmp_path, page="zh-CN").choices.model == "whisper-base"
    assert Session(tmp_path, page="en").choices.model == "whisper-tiny.en"
    Session(tmp_path, page="zh-CN").choose(labelled_set="noise")
    for page in ("en", "zh-CN"):
        assert Session(tmp_path, page=page).choices == Choices(model="whisper-base", language="zh", labelled_set="noise")


def test_a_choice_made_before_is_never_changed(here: set[str], tmp_path: Path) -> None:
    Session(tmp_path).choose(labelled_set="noise")
    session = Session(tmp_path, page="zh-CN")
    assert (session.choices.model, session.choices.language) == ("whisper-tiny.en", "en")
    assert session.choose(model="attune-wav2vec2", language="sw").language == "sw"
    assert Session(tmp_path, page="zh-CN").choices.model == "attune-wav2vec2"
