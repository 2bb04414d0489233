"""Reading aloud: the lists, the place, and takes that replace one another without anything getting lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audio import sound_files
from core.data.clips.exam import Prompt
from core.errors import AttuneError, DatasetError
from core.text.scoring import normalise
from demo.session import chosen_set, reading_list
from demo.session.exam import exam
from demo.session.session import Session
from demo.wording.reading_lists import LISTS, OWN, listed
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
    prompts, language = listed(name), name[:2]
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


def read_aloud(session: Session, sound: str, prompt: str) -> None:
    """Records a prompt and keeps the take."""
    reading_list.receive(session, prompt, sound)
    reading_list.keep(session, prompt, "en")


def test_keeping_goes_on_and_everything_is_there_after_a_reload(session: Session, sound: str) -> None:
    first, second, third = reading_list.read(session).prompts[:3]
    reading_list.receive(session, first, sound)
    (received,) = session.recordings.all()
    assert received.text == ""
    assert received.sha256
    assert reading_list.kept(session, reading_list.read(session)) == {}
    reading_list.keep(session, first, "en")
    assert reading_list.read(session).prompt == first  # its transcript is still to come
    assert reading_list.go_on(session, first).prompt == second
    again = Session(session.folder)
    now = reading_list.read(again)
    assert now.prompt == second
    assert list(reading_list.kept(again, now)) == [first]
    assert again.recordings.get(received.id).text == first
    assert reading_list.move(session, second, 1).prompt == third
    assert reading_list.move(session, third, -2).prompt == first
    assert reading_list.move(session, first, -1).prompt == first
    assert reading_list.go_on(session, first).prompt == second  # the next that has no take, not the next recorded last


def test_ten_sentences_are_the_exam_and_the_next_fifteen_are_lessons(session: Session, sound: str) -> None:
    now = reading_list.read(session)
    assert [prompt.part for prompt in now.plan] == ["test"] * 10 + ["train"] * 15
    assert len(set(now.prompts)) == 25
    for prompt in (now.prompts[0], now.prompts[10]):
        read_aloud(session, sound, prompt)
    assert [clip.part for clip in Session(session.folder).recordings.clips()] == ["test", "train"]
    session.choose(labelled_set=OWN)
    labelled = chosen_set.labelled_set(session)
    assert [(clip.text, clip.part) for clip in labelled.clips] == [(now.prompts[0], "test"), (now.prompts[10], "train")]


def test_a_lesson_is_read_again_once_a_new_take_is_there(session: Session, sound: str, tmp_path: Path) -> None:
    prompt = reading_list.read(session).prompts[10]
    reading_list.receive(session, prompt, sound)
    (old,) = session.recordings.all()
    sound_files.write_flac(tmp_path / "silent.flac", np.zeros(16_000, np.float32))
    with pytest.raises(AttuneError, match="silent"):
        reading_list.receive(session, prompt, str(tmp_path / "silent.flac"))
    assert session.recordings.all() == [old]
    reading_list.receive(session, prompt, sound)
    (new,) = session.recordings.all()
    assert new.id != old.id
    assert old.path.is_file()  # off the list, not off the disk
    reading_list.keep(session, prompt, "en")
    reading_list.receive(session, prompt, sound)
    assert [recording.text for recording in session.recordings.all()] == [""]
    assert reading_list.kept(session, reading_list.read(session)) == {}


def test_a_sentence_of_the_exam_is_read_again_only_before_it_is_kept(session: Session, sound: str) -> None:
    prompt = reading_list.read(session).prompt
    reading_list.receive(session, prompt, sound)
    reading_list.receive(session, prompt, sound)
    reading_list.keep(session, prompt, "en")
    kept = session.recordings.all()
    with pytest.raises(DatasetError, match="read once"):
        reading_list.receive(session, prompt, sound)
    assert session.recordings.all() == kept


@pytest.mark.parametrize("for_good", [False, True])
def test_a_removed_sentence_of_the_exam_is_not_read_again(session: Session, sound: str, for_good: bool) -> None:
    before = reading_list.read(session)
    prompt = before.prompt
    read_aloud(session, sound, prompt)
    take = reading_list.read(session).takes[prompt].id
    reading_list.hear(session, prompt, take, "something else", True, session.choices.model)
    session.recordings.remove(take)
    if for_good:
        reading_list.forget(session, {take})
        assert take not in (session.folder / "reading.json").read_text()
    now = reading_list.current(session)
    assert prompt not in now.prompts
    assert [one.part for one in now.plan] == [one.part for one in before.plan]  # another takes its place
    assert len(set(now.prompts) - set(before.prompts)) == 1
    assert exam(session, now).retired == 1
    assert prompt not in reading_list.choose(session, "en_sentences").prompts


def test_a_removed_sentence_may_be_read_again_while_its_transcript_was_not_seen(session: Session, sound: str) -> None:
    prompt = reading_list.read(session).prompt
    read_aloud(session, sound, prompt)
    session.recordings.remove(session.recordings.all()[0].id)
    assert reading_list.current(session).prompt == prompt
    read_aloud(session, sound, prompt)


def test_the_exam_counts_what_the_chosen_base_made_of_it(session: Session, sound: str) -> None:
    reading_list.use_own(session, "\n".join(f"red green blue {word}" for word in "bcdefghjklmnpqrstvwx"), "en")
    now = reading_list.read(session)
    for prompt, heard in zip(now.prompts, ("red green blue", "red green glue", "nothing"), strict=False):
        read_aloud(session, sound, prompt)
        take = reading_list.read(session).takes[prompt].id
        reading_list.hear(session, prompt, take, f"{heard} {prompt[-1]}", True, session.choices.model)
    found = exam(session, reading_list.read(session))
    assert [*found.errors.values()] == [0, 1, 3]
    assert (found.words, found.unit, found.planned) == (12, "words", 8)
    session.choose(model="whisper-base.en")
    assert exam(session, reading_list.read(session)).errors == {}


def test_the_rest_is_chosen_for_what_the_base_got_wrong(session: Session, sound: str) -> None:
    before = reading_list.read(session)
    for prompt in before.prompts[:4]:
        assert reading_list.read(session).chosen == ()
        read_aloud(session, sound, prompt)
        reading_list.go_on(session, prompt)
        take = reading_list.read(session).takes[prompt].id
        reading_list.hear(session, prompt, take, prompt.replace("j", "y"), True)
    after = reading_list.read(session)
    assert after.chosen == ("en_sentences",)
    assert after.prompts[:5] == before.prompts[:5]  # those read, and the one on the page
    assert after.prompt == before.prompts[4]
    assert [one.part for one in after.plan] == [one.part for one in before.plan]
    for part in ("test", "train"):
        had, has = (sum("j" in one.text for one in now.plan[5:] if one.part == part) for now in (before, after))
        assert has >= had + 3
    for prompt in after.prompts[4:6]:
        read_aloud(session, sound, prompt)
        reading_list.hear(session, prompt, reading_list.read(session).takes[prompt].id, "nothing", True)
    assert reading_list.read(session).prompts == after.prompts  # chosen once


def test_no_sentence_is_in_two_parts_whatever_the_list(session: Session, sound: str) -> None:
    exam_sentence = reading_list.read(session).prompt
    read_aloud(session, sound, exam_sentence)
    lines = [exam_sentence.upper(), *(f"line number {i}" for i in range(9))]
    now = reading_list.use_own(session, "\n".join(lines), "en")
    assert {one.text: one.part for one in now.plan}[lines[0]] == "test"
    parts = {one.text: one.part for one in now.plan}
    again = reading_list.use_own(session, "\n".join(reversed([*lines, "one more", "and another"])), "en")
    assert parts.items() <= {one.text: one.part for one in again.plan}.items()


def test_more_sentences_are_an_exam_and_lessons_not_read_yet(session: Session, sound: str) -> None:
    before = reading_list.read(session)
    for prompt in (before.prompts[0], before.prompts[10]):
        read_aloud(session, sound, prompt)
    now = reading_list.more(session)
    assert [one.part for one in now.plan] == ["test"] * 11 + ["train"] * 16
    assert now.prompt == now.prompts[1]
    reading_list.use_own(session, "one\ntwo", "en")
    for prompt in ("one", "two"):
        read_aloud(session, sound, prompt)
    with pytest.raises(DatasetError, match="All sentences"):
        reading_list.more(session)


def test_a_list_may_say_itself_what_is_exam_and_what_is_lesson(session: Session, sound: str) -> None:
    plan = [Prompt("a lesson", "train"), Prompt("an exam", "test"), Prompt("another", "train")]
    now = reading_list.use_plan(session, "mine", plan)
    assert now.prompts == ("an exam", "a lesson", "another")
    read_aloud(session, sound, "another")
    reading_list.choose(session, "en_digits")
    again = reading_list.choose(Session(session.folder), "mine")
    assert (again.prompts, again.prompt) == (now.prompts, "an exam")
    assert [clip.part for clip in session.recordings.clips()] == ["train"]


def test_a_take_that_was_taken_off_the_list_is_not_kept_any_more(session: Session, sound: str) -> None:
    prompt = reading_list.read(session).prompt
    read_aloud(session, sound, prompt)
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
    first, second, third = reading_list.use_own(session, "one\ntwo\nthree", "en").prompts
    for prompt in (first, third):
        read_aloud(session, sound, prompt)
    assert reading_list.go_on(session, third).prompt == second
    reading_list.choose(session, "en_digits")
    assert reading_list.choose(session, OWN).prompt == second
    read_aloud(session, sound, second)
    assert reading_list.go_on(session, second).prompt == third  # all are kept


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
    assert set(reading_list.use_own(session, pasted, "en").prompts) == set(prompts)
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
    assert reading_list.read(session).own == ("one", "two")


def test_what_is_not_there_cannot_be_chosen_kept_or_left(session: Session, sound: str) -> None:
    for name, match in (("own", "Paste your own"), ("../en_digits", "no such list"), ("", "no such list")):
        with pytest.raises(DatasetError, match=match):
            reading_list.choose(session, name)
    with pytest.raises(DatasetError, match="Record the sentence"):
        reading_list.keep(session, "never recorded", "en")
    with pytest.raises(DatasetError, match="no longer in the list"):
        reading_list.move(session, "not on it", 1)
    with pytest.raises(DatasetError, match="no longer in the list"):
        reading_list.receive(session, "not on it", sound)
    with pytest.raises(DatasetError, match="no words"):
        reading_list.receive(session, "...", sound)
    assert session.recordings.all() == []
