"""Step 2: speech in a language that the model does not write is said to be that; only where a model is sure."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audio import sound_files
from core.data.library.recordings import Recording
from core.models import languages
from demo.background.model_pool import ModelPool
from demo.session.session import Session
from demo.steps.listen import handlers as module
from demo.steps.listen.handlers import ListenHandlers
from demo.wording import LANGUAGES, Wording
from tests.conftest import tone


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr(languages, "is_here", {"whisper-tiny.en", "whisper-base"}.__contains__)
    return Session(tmp_path / "session")


@pytest.fixture
def recording(session: Session, tmp_path: Path) -> Recording:
    """The current clip."""
    sound_files.write_flac(tmp_path / "clip.flac", tone(1.0))
    added = session.recordings.add(tmp_path / "clip.flac")
    session.choose(clip=added.id, heard="Ciao.")
    return added


@pytest.mark.parametrize("language", LANGUAGES)
def test_chinese_said_to_an_english_model_is_noticed(
    language: str, session: Session, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers = ListenHandlers(Wording(language), ModelPool())
    monkeypatch.setattr(module, "spoken_language", lambda pool, owner, wave: "zh")
    said = handlers.identify(session)["spoken"]
    assert "whisper-base" in said
    assert {"en": "sounds like Chinese", "zh-CN": "听起来像是"}[language] in said
    assert session.choices.spoken == "zh"
    assert handlers.restore(session)["spoken"] == said  # after a reload
    session.choose(model="whisper-base")
    assert handlers.spoken(session)["spoken"] == ""


@pytest.mark.parametrize("heard", ["", "en"])
def test_nothing_is_said_of_english_or_where_the_model_is_not_sure(
    heard: str, session: Session, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "spoken_language", lambda pool, owner, wave: heard)
    assert ListenHandlers(Wording("en"), ModelPool()).identify(session) == {"spoken": ""}
    assert session.choices.spoken == heard


def test_a_model_of_many_languages_is_not_doubted(
    session: Session, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.choose(model="whisper-base")
    monkeypatch.setattr(module, "spoken_language", lambda *_: pytest.fail("asked"))
    assert ListenHandlers(Wording("en"), ModelPool()).identify(session) == {"spoken": ""}


def test_what_was_heard_in_an_earlier_clip_is_not_said_of_the_next(
    session: Session, recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asked(pool: ModelPool, owner: str, wave: object) -> str:
        session.choose(clip="another", spoken="")
        return "zh"

    monkeypatch.setattr(module, "spoken_language", asked)
    assert ListenHandlers(Wording("en"), ModelPool()).identify(session) == {}
    assert session.choices.spoken == ""


def test_a_ready_model_is_asked(session: Session, tiny_multilingual: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from demo.background import spoken_language as asking

    pool = ModelPool()
    monkeypatch.setattr(asking, "ready_detector", lambda: str(tiny_multilingual))
    monkeypatch.setattr(asking, "language_heard", lambda probabilities: f"{len(probabilities)} languages")
    assert asking.spoken_language(pool, "owner", tone(1.0)) == "99 languages"
    monkeypatch.setattr(asking, "ready_detector", lambda: "")
    assert asking.spoken_language(pool, "owner", tone(1.0)) == ""
