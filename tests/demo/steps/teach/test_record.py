"""Prompted recording: what the page says of a take, and that it says so only of what is on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audio import sound_files
from core.data.inspection.quality import Finding
from core.errors import DatasetError
from demo.background.model_pool import ModelPool
from demo.session import reading_list
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.steps.teach.record import show as takes
from demo.steps.teach.record.handlers import RecordHandlers
from demo.wording import LANGUAGES, Wording
from demo.wording.reading_lists import OWN
from tests.core.audio.test_segmentation import spoken
from tests.demo.session.uploading import uploaded

W = Wording("en")
HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} {{alert(3)}}"
GOOD = spoken(0.4, 0.3, 0.6, 0.3, 0.5).astype(np.float32)  # passes all checks of its sound
PANEL = {"shown", "prompt", "place", "take", "heard", "record", "keep", "previous", "next", "exam", "offers", "more"}


@pytest.fixture
def session(tmp_path: Path, tiny_ctc: Path) -> Session:
    session = Session(tmp_path / "session", local=True)
    session.choose(model=str(tiny_ctc))
    return session


@pytest.fixture
def handlers() -> RecordHandlers:
    return RecordHandlers(W, ModelPool())


def take(session: Session, folder: Path, wave: np.ndarray) -> Upload:
    sound_files.write_flac(folder / "take.flac", wave)
    return uploaded(session, folder / "take.flac")


def lesson(session: Session, handlers: RecordHandlers) -> str:
    """Goes to the first lesson."""
    now = reading_list.read(session)
    reading_list.move(session, now.prompt, len([one for one in now.plan if one.part == "test"]))
    return handlers.shown(session)["shown"]


def test_a_good_take_of_the_exam_is_kept_at_once_and_only_then_transcribed(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    shown = handlers.shown(session)
    first = shown["shown"]
    assert shown.keys() == PANEL
    assert "Press Record" in shown["take"]
    assert shown["keep"]["interactive"] is False
    kept = handlers.receive(session, first, take(session, tmp_path, GOOD), "fr")
    assert kept["language"] == session.choices.language == "en"  # the list says so
    shown = handlers.shown(session)
    (recording,) = session.recordings.all()
    assert (recording.text, recording.part) == (first, "test")
    assert f"/sound/recording/{recording.id}" in shown["take"]
    assert "Kept for the exam" in shown["take"]
    assert "is transcribing it" in shown["heard"]
    assert shown["record"]["interactive"] is False  # read once
    assert shown["keep"]["value"] == "Continue"
    heard = handlers.hear(session, first, "en")["heard"]
    assert "The base wrote" in heard
    assert heard == handlers.shown(session)["heard"]
    assert handlers.hear(session, first, "en") == {"heard": heard}  # it is not transcribed twice
    shown = handlers.progress(session)
    assert "1 of 10 read" in shown["place"]
    assert "0 of 15 read" in shown["place"]
    assert "The base made" in shown["exam"]
    assert "(1 of 10 sentences)" in shown["exam"]
    with pytest.raises(DatasetError, match="read once"):
        handlers.receive(session, first, take(session, tmp_path, GOOD), "en")
    assert handlers.keep(session, first, "en")["shown"] != first


def test_a_bad_take_of_the_exam_is_not_transcribed_before_it_is_kept(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    first = handlers.shown(session)["shown"]
    handlers.receive(session, first, take(session, tmp_path, 0.01 * GOOD), "en")
    shown = handlers.shown(session)
    assert "Too quiet" in shown["take"]
    assert "appears once you keep" in shown["heard"]
    assert shown["keep"]["value"] == "Keep it anyway"
    assert handlers.hear(session, first, "en") == {}
    assert reading_list.read(session).takes[first].heard is None
    handlers.receive(session, first, take(session, tmp_path, 0.01 * GOOD), "en")  # it may be read again
    shown = handlers.keep(session, first, "en")
    assert shown["shown"] == first  # to see the transcript
    assert "The base wrote" in handlers.hear(session, first, "en")["heard"]
    assert handlers.keep(session, first, "en")["shown"] != first


def test_a_lesson_is_kept_and_may_be_read_again(session: Session, handlers: RecordHandlers, tmp_path: Path) -> None:
    prompt = lesson(session, handlers)
    for _ in range(2):
        handlers.receive(session, prompt, take(session, tmp_path, GOOD), "en")
        handlers.hear(session, prompt, "en")
        shown = handlers.shown(session)
        assert "still record it again" in shown["take"]
        assert shown["record"]["value"] == "Again"
        assert shown["record"]["interactive"] is True
    assert [clip.part for clip in session.recordings.clips()] == ["train"]
    assert "1 of 15 read" in shown["place"]
    assert handlers.keep(session, prompt, "en")["shown"] != prompt


def test_another_base_transcribes_the_exam_again(
    session: Session, handlers: RecordHandlers, tmp_path: Path, tiny_whisper: Path
) -> None:
    first = handlers.shown(session)["shown"]
    handlers.receive(session, first, take(session, tmp_path, GOOD), "en")
    handlers.hear(session, first, "en")
    session.choose(model=str(tiny_whisper))
    assert "counted here" in handlers.progress(session)["exam"]
    assert "is transcribing it" in handlers.shown(session)["heard"]
    second = handlers.next(session, first)["shown"]
    handlers.hear(session, second, "en")
    assert "(1 of 10 sentences)" in handlers.progress(session)["exam"]


def test_where_the_base_makes_no_errors_harder_sentences_are_offered(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    for number in range(6):
        assert handlers.progress(session)["offers"]["visible"] is False
        prompt = handlers.shown(session)["shown"]
        handlers.receive(session, prompt, take(session, tmp_path, GOOD), "en")
        id = reading_list.read(session).takes[prompt].id
        reading_list.hear(session, prompt, id, prompt, True, session.choices.model)
        handlers.keep(session, prompt, "en")
        assert "made 0 errors" in handlers.progress(session)["exam"], number
    shown = handlers.progress(session)
    assert shown["offers"]["visible"] is True
    assert "no errors in 6 sentences" in shown["exam"]
    noisy = handlers.with_noise(session)
    assert "Switch on music" in noisy["exam"]
    assert noisy["shown"] not in {recording.text for recording in session.recordings.all()}
    for kind, name in (
        ("accent", "en_accent"),
        ("names", "en_names"),
        ("language", "zh_sentences"),
        ("language", "en_sentences"),
    ):
        assert handlers.choose_kind(session, kind)["list"] == reading_list.read(session).list == name


def test_a_recording_that_ends_after_its_prompt_was_left_is_still_its_own(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    first = handlers.shown(session)["shown"]
    second = handlers.next(session, first)["shown"]
    handlers.receive(session, first, take(session, tmp_path, GOOD), "en")
    assert "Press Record" in handlers.shown(session)["take"]
    assert handlers.hear(session, first, "en") == {}  # the page shows another prompt
    assert handlers.previous(session, second)["shown"] == first
    assert "The base wrote" in handlers.shown(session)["heard"]


def test_a_good_take_leads_to_the_next_sentence_and_its_transcript_stays_in_sight(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    first = handlers.shown(session)["shown"]
    handlers.receive(session, first, take(session, tmp_path, GOOD), "en", auto=True)
    assert first in reading_list.kept(session, reading_list.read(session))
    assert handlers.shown(session)["shown"] != first
    assert "transcript" in handlers.hear(session, first, "en", auto=True)["heard"]
    assert handlers.hear(session, first, "en") == {}
    second = handlers.shown(session)["shown"]
    handlers.receive(session, second, take(session, tmp_path, 0.01 * spoken(2.0)), "en", auto=True)  # too quiet to be kept
    assert handlers.shown(session)["shown"] == second


def test_whoever_reads_trains_on_own_clips(session: Session, handlers: RecordHandlers, tmp_path: Path) -> None:
    assert session.choices.labelled_set != "own"
    handlers.receive(session, handlers.shown(session)["shown"], take(session, tmp_path, GOOD), "en")
    assert session.choices.labelled_set == "own"


@pytest.mark.parametrize(
    ("wave", "sentence"),
    [
        (0.01 * spoken(2.0), "Too quiet"),
        (np.clip(20 * spoken(2.0), -1, 1), "Distorted"),
        (np.concatenate([np.zeros(5 * 16_000, np.float32), spoken(1.0)]), "Mostly silence"),
    ],
)
def test_what_is_wrong_is_said_with_what_to_do(
    session: Session, handlers: RecordHandlers, tmp_path: Path, wave: np.ndarray, sentence: str
) -> None:
    prompt = lesson(session, handlers)
    handlers.receive(session, prompt, take(session, tmp_path, wave.astype(np.float32)), "en")
    shown = handlers.shown(session)
    assert sentence in shown["take"]
    assert shown["record"]["variant"] == "primary"  # again, rather than keep
    assert shown["keep"]["interactive"] is True  # the person decides


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("no_speech", "error"),
        ("too_short", "warning"),
        ("mostly_silent", "warning"),
        ("too_quiet", "warning"),
        ("clipped", "warning"),
        ("clipped", "error"),
        ("noisy", "warning"),
        ("noisy", "error"),
        ("wrong_speech", "warning"),
    ],
)
def test_every_finding_has_a_sentence(kind: str, severity: str, language: str) -> None:
    shown = takes.finding(Finding(kind, severity, 0.25, 0.5), Wording(language))
    assert f'class="note {severity}"' in shown
    assert "{" not in shown


def test_the_wrong_sentence_is_suspected_where_the_base_knows_the_language(session: Session, handlers: RecordHandlers) -> None:
    found = [Finding("wrong_speech", "warning", 0.9, 0.6)]
    assert "Did you read this sentence?" in takes.heard("one two", "something else", "en", found, True, False, W)
    unsure = takes.heard("one two", "something else", "en", found, False, False, W)
    assert "Did you read" not in unsure
    assert "does not support this language" in unsure
    of_the_exam = takes.heard("one two", "something else", "en", found, True, True, W)
    assert "record it again" not in of_the_exam
    assert "another sentence takes its place" in of_the_exam


def test_rates_by_character_lead_where_no_spaces_part_the_words() -> None:
    english = takes.heard("big red bus", "big red bag", "en", [], True, False, W)
    assert english.index("WER 33") < english.index("CER")
    chinese = takes.heard("今天下雨", "今天下雪", "zh", [], True, False, W)
    assert "CER 25" in chinese
    assert "WER" not in chinese


def test_nothing_typed_or_heard_is_markup(session: Session, handlers: RecordHandlers, tmp_path: Path) -> None:
    shown = handlers.use_own(session, HOSTILE, "en")
    assert shown["list"] == OWN
    heard = takes.heard(HOSTILE, HOSTILE, "en", [], True, False, W)
    for markup in (shown["prompt"], heard):
        assert "<img" not in markup
        assert "${" not in markup
        assert "{{" not in markup
