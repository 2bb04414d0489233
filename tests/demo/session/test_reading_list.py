"""Reading aloud: the lists, the place, and takes that replace one another without anything getting lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audio import sound_files
from core.errors import AttuneError, DatasetError
from core.text.scoring import normalise
from demo.session import reading_list
from demo.session.reading_list import LISTS, OWN
from demo.session.session import Session
from tests.conftest import tone


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session")


@pytest.fixture
def sound(tmp_path: Path) -> str:
    sound_files.write_flac(tmp_path / "take.flac", tone(1.0))
    return str(tmp_path / "take.flac")


@pytest.mark.parametrize("name", LISTS)
def test_every_list_has_prompts_of_its_own_language(name: str) -> None:
    prompts, language = reading_list.listed(name), name[:2]
    assert len(prompts) >= 20
    assert len({normalise(prompt, language) for prompt in prompts}) == len(prompts)
    for prompt in prompts:
        assert prompt == prompt.strip()
        assert any("\u4e00" <= character <= "\u9fff" for character in prompt) == (language == "zh"), prompt


def test_the_list_begins_in_the_language_of_the_own_clips(session: Session) -> None:
    assert reading_list.read(session).list == "en_sentences"
    session.choose(language="zh")
    assert reading_list.read(session).list == "zh_sentences"
    session.choose(language="sw")
    assert reading_list.read(session).list == "en_sentences"


def test_keeping_goes_on_and_everything_is_there_after_a_reload(session: Session, sound: str) -> None:
    first, second, third = reading_list.listed("en_sentences")[:3]
    reading_list.receive(session, first, sound)
    (received,) = session.recordings.all()
    assert received.text == ""
    assert received.sha256
    assert reading_list.kept(session, reading_list.read(session)) == {}
    assert reading_list.keep(session, first, "en").prompt == second
    again = Session(session.folder)
    now = reading_list.read(again)
    assert now.prompt == second
    assert list(reading_list.kept(again, now)) == [first]
    assert again.recordings.get(received.id).text == first
    assert reading_list.move(session, second, 1).prompt == third
    assert reading_list.move(session, third, -2).prompt == first
    assert reading_list.move(session, first, -1).prompt == first
    assert reading_list.keep(session, first, "en").prompt == second  # the next that has no take, not the next recorded last


def test_a_new_take_replaces_the_old_one_only_once_it_is_there(session: Session, sound: str, tmp_path: Path) -> None:
    prompt = reading_list.read(session).prompt
    reading_list.receive(session, prompt, sound)
    (old,) = session.recordings.all()
    sound_files.write_flac(tmp_path / "silent.flac", np.zeros(16_000, np.float32))
    with pytest.raises(AttuneError, match="silent"):
        reading_list.receive(session, prompt, str(tmp_path / "silent.flac"))
    assert reading_list.pending(session, reading_list.read(session)) == old
    reading_list.receive(session, prompt, sound)
    (new,) = session.recordings.all()
    assert new.id != old.id
    assert old.path.is_file()  # off the list, not off the disk
    reading_list.keep(session, prompt, "en")
    reading_list.receive(session, prompt, sound)
    assert [recording.text for recording in session.recordings.all()] == [""]
    assert reading_list.kept(session, reading_list.read(session)) == {}


def test_a_take_that_was_taken_off_the_list_is_not_kept_any_more(session: Session, sound: str) -> None:
    prompt = reading_list.read(session).prompt
    reading_list.receive(session, prompt, sound)
    reading_list.keep(session, prompt, "en")
    session.recordings.remove(session.recordings.all()[0].id)
    assert reading_list.kept(session, reading_list.move(session, prompt, 0)) == {}
    assert reading_list.pending(session, reading_list.read(session)) is None
    reading_list.receive(session, prompt, sound)
    assert len(session.recordings.all()) == 1


def test_what_the_base_heard_belongs_to_one_take(session: Session, sound: str) -> None:
    prompt = reading_list.read(session).prompt
    first = reading_list.receive(session, prompt, sound).takes[prompt].id
    second = reading_list.receive(session, prompt, sound).takes[prompt].id
    assert reading_list.hear(session, prompt, first, "the old one", True).takes[prompt].heard is None
    assert reading_list.hear(session, prompt, second, "the new one", True).takes[prompt].heard == "the new one"


def test_a_list_begins_again_at_what_is_missing(session: Session, sound: str) -> None:
    reading_list.use_own(session, "one\ntwo\nthree", "en")
    for prompt in ("one", "three"):
        reading_list.receive(session, prompt, sound)
    assert reading_list.keep(session, "three", "en").prompt == "one"
    assert reading_list.keep(session, "one", "en").prompt == "two"
    reading_list.choose(session, "en_digits")
    assert reading_list.choose(session, OWN).prompt == "two"
    reading_list.receive(session, "two", sound)
    assert reading_list.keep(session, "two", "en").prompt == "three"  # all are kept


@pytest.mark.parametrize(
    ("pasted", "prompts"),
    [
        ("  one \n\n\ttwo\r\nthree", ("one", "two", "three")),
        ("one\none\n...\n!?\n", ("one",)),
        ("<img src=x onerror=alert(1)> words\n${alert(2)}", ("<img src=x onerror=alert(1)> words", "${alert(2)}")),
        ("a\x00b\u202ec", ("a bc",)),
    ],
)
def test_pasted_sentences_are_cleaned(session: Session, pasted: str, prompts: tuple[str, ...]) -> None:
    assert reading_list.use_own(session, pasted, "en").prompts == prompts
    assert reading_list.read(session).language == ""


@pytest.mark.parametrize(
    ("pasted", "reason"),
    [
        ("", "reading_empty"),
        ("\n \n...", "reading_empty"),
        ("\n".join(f"sentence {i}" for i in range(1001)), "reading_too_many"),
        ("word " * 1000, "transcript_too_long"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_and_the_old_one_stays(session: Session, pasted: str, reason: str) -> None:
    reading_list.use_own(session, "one\ntwo", "en")
    with pytest.raises(DatasetError) as refused:
        reading_list.use_own(session, pasted, "en")
    assert refused.value.reason == reason
    assert reading_list.read(session).prompts == ("one", "two")


def test_what_is_not_there_cannot_be_chosen_kept_or_left(session: Session, sound: str) -> None:
    for name, match in (("own", "Paste your own"), ("../en_digits", "no such list"), ("", "no such list")):
        with pytest.raises(DatasetError, match=match):
            reading_list.choose(session, name)
    with pytest.raises(DatasetError, match="Record the sentence"):
        reading_list.keep(session, "never recorded", "en")
    with pytest.raises(DatasetError, match="no longer in the list"):
        reading_list.move(session, "not on it", 1)
    with pytest.raises(DatasetError, match="no words"):
        reading_list.receive(session, "...", sound)
    assert session.recordings.all() == []
