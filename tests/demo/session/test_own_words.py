"""Own words: what is stored of them, and the list to read that they become."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audio import sound_files
from core.data.clips.exam import EXAM, LESSONS
from core.errors import DatasetError
from core.text.terms import has_term
from demo.session import own_words, reading_list
from demo.session.session import Session
from demo.wording.reading_lists import WORDS
from tests.conftest import tone

TYPED = {"person": "Siobhan, Nguyen", "place": "Lindqvist Road"}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session")


def lines(sentences: tuple[str, ...]) -> str:
    return "\n".join(sentences)


def test_words_and_their_sentences_are_there_after_a_reload(session: Session) -> None:
    written = own_words.write(session, TYPED, "en")
    assert written.terms == ("Siobhan", "Nguyen", "Lindqvist Road")
    assert len(written.exam) == len(written.lessons) == 12
    assert own_words.read(Session(session.folder)) == written


def test_a_word_in_two_boxes_counts_once(session: Session) -> None:
    written = own_words.write(session, {"person": "Siobhan", "term": "siobhan, tachycardia"}, "en")
    assert written.words == {"person": ("Siobhan",), "place": (), "product": (), "term": ("tachycardia",)}


def test_the_sentences_become_the_list_to_read_the_exam_first(session: Session) -> None:
    written = own_words.write(session, TYPED, "en")
    assert own_words.use(session, lines(written.exam), lines(written.lessons)) == []
    now = reading_list.read(session)
    assert now.list == WORDS
    assert {one.text for one in now.plan if one.part == EXAM} == set(written.exam)
    assert {one.text for one in now.plan if one.part == LESSONS} == set(written.lessons)
    assert now.prompt in written.exam
    assert reading_list.choose(session, "en_digits").list == "en_digits"
    assert reading_list.choose(session, WORDS).prompts == now.prompts


def test_chinese_words_set_the_language_of_the_clips(session: Session) -> None:
    written = own_words.write(session, {"person": "王小明，欧阳靖"}, "zh")
    assert all(has_term(text, "王小明", "zh") or has_term(text, "欧阳靖", "zh") for text in written.exam + written.lessons)
    own_words.use(session, lines(written.exam), lines(written.lessons))
    assert session.choices.language == "zh"


def test_edited_sentences_with_faults_are_kept_and_not_read(session: Session) -> None:
    written = own_words.write(session, TYPED, "en")
    before = reading_list.read(session).list
    faults = own_words.use(session, f"Nobody is here.\n\n{written.lessons[0]}", lines(written.lessons))
    assert [(one.side, one.line, one.fault) for one in faults] == [
        ("exam", 1, "no_word"),
        ("exam", 2, "empty"),
        ("exam", 3, "both_sides"),
        ("lessons", 1, "both_sides"),
    ]
    assert reading_list.read(session).list == before
    assert own_words.read(session).exam[0] == "Nobody is here."


def test_a_sentence_that_was_read_as_a_lesson_cannot_become_exam(session: Session, tmp_path: Path) -> None:
    sound_files.write_flac(tmp_path / "take.flac", tone(1.0))
    written = own_words.write(session, TYPED, "en")
    own_words.use(session, lines(written.exam), lines(written.lessons))
    reading_list.receive(session, written.lessons[0], tmp_path / "take.flac")
    (fault,) = own_words.use(session, lines((*written.exam, written.lessons[0])), lines(written.lessons[1:]))
    assert (fault.side, fault.line, fault.fault) == ("exam", 13, "read")


@pytest.mark.parametrize(
    ("typed", "language", "match"),
    [
        ({}, "en", "Type the words first"),
        ({"person": "66"}, "en", "cannot be used as a word"),
        ({"person": "x" * 41}, "en", "at most 40 characters"),
        ({"person": ", ".join(f"Name{letter}" for letter in "abcdefghi")}, "en", "limit is 8"),
        ({"person": "Siobhan"}, "../en", "no such list"),
    ],
)
def test_what_cannot_be_used_is_refused(session: Session, typed: dict, language: str, match: str) -> None:
    with pytest.raises(DatasetError, match=match):
        own_words.write(session, typed, language)
    assert own_words.read(session).terms == ()


def test_sentences_need_words_and_both_sides(session: Session) -> None:
    with pytest.raises(DatasetError, match="Type the words first"):
        own_words.use(session, "We wait for Siobhan.", "Ask Siobhan.")
    with pytest.raises(DatasetError, match="Type the words first"):
        reading_list.choose(session, WORDS)
    own_words.write(session, TYPED, "en")
    with pytest.raises(DatasetError, match="Both the exam and the lessons"):
        own_words.use(session, " \n ", "Ask Siobhan.")
    with pytest.raises(DatasetError, match="limit is 100"):
        own_words.use(session, "\n".join(["Ask Siobhan."] * 101), "Ask Siobhan.")


def test_only_words_that_are_said_are_counted(session: Session) -> None:
    assert own_words.terms_said(session, ["Ask Siobhan."], "en") == ()
    own_words.write(session, TYPED, "en")
    assert own_words.terms_said(session, ["Ask SIOBHAN!", "Lindqvist lives on the road."], "en") == ("Siobhan",)


def test_hostile_words_are_only_text(session: Session) -> None:
    hostile = "<img src=x onerror=alert(1)> {word} ${a}"
    written = own_words.write(session, {"person": hostile}, "en")
    assert written.terms == (hostile,)
    assert own_words.use(session, lines(written.exam), lines(written.lessons)) == []
    assert hostile in reading_list.read(session).prompt
