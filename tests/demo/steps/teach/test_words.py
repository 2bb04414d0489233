"""The panel of one's own words: what its handlers show."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.text.carriers import Faulty
from demo.session import reading_list
from demo.session.session import Session
from demo.steps.teach.record.words import show
from demo.steps.teach.record.words.handlers import WordsHandlers
from demo.wording import LANGUAGES, Wording
from demo.wording.reading_lists import WORDS

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session")


def test_the_panel_is_restored_as_it_was_left(session: Session) -> None:
    handlers = WordsHandlers(Wording("en"))
    assert handlers.restore(session)["sentences"]["visible"] is False
    shown = handlers.write(session, "Siobhan, Nguyen", "Lindqvist Road", "", "", "en")
    assert shown["sentences"]["visible"] is True
    again = handlers.restore(session)
    assert (again["person"], again["place"], again["product"]) == ("Siobhan, Nguyen", "Lindqvist Road", "")
    assert (again["exam"], again["lessons"]) == (shown["exam"], shown["lessons"])


def test_sentences_without_faults_are_read(session: Session) -> None:
    handlers = WordsHandlers(Wording("en"))
    shown = handlers.write(session, "Siobhan", "", "", "", "en")
    bad = handlers.use(session, shown["exam"] + "\nNobody is here.", shown["lessons"])
    assert "Exam, line" in bad["faults"]
    assert "Nobody is here." in bad["faults"]
    assert handlers.use(session, shown["exam"], shown["lessons"]) == {"faults": "", "list": WORDS, "language": "en"}
    assert reading_list.read(session).list == WORDS


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("fault", ["empty", "no_word", "twice", "both_sides", "read"])
def test_every_fault_has_a_sentence_that_escapes(language: str, fault: str) -> None:
    shown = show.faults([Faulty("lessons", 3, HOSTILE, fault)], Wording(language))  # type: ignore[arg-type]
    assert "<img" not in shown
    assert "3" in shown
    assert show.faults([], Wording(language)) == ""
