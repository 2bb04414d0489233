"""Prompted recording: what the page says of a take, and that it says so only of what is on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.audio import sound_files
from core.data.inspection.quality import Finding
from demo.background.model_pool import ModelPool
from demo.session import reading_list
from demo.session.session import Session
from demo.session.uploads import Upload
from demo.steps.teach.record import show as takes
from demo.steps.teach.record.handlers import RecordHandlers
from demo.wording import LANGUAGES, Wording
from tests.conftest import tone
from tests.core.audio.test_segmentation import spoken
from tests.demo.session.uploading import uploaded

W = Wording("en")
HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} {{alert(3)}}"
PANEL = 10  # outputs of `RecordHandlers.shown`


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


def test_a_take_is_recorded_judged_read_and_kept(session: Session, handlers: RecordHandlers, tmp_path: Path) -> None:
    first, *rest = handlers.shown(session)
    assert len(rest) == PANEL - 1
    assert "Press Record" in rest[2]
    assert rest[5]["interactive"] is False
    handlers.receive(session, first, take(session, tmp_path, spoken(2.0)))
    shown = handlers.shown(session)
    (recording,) = session.recordings.all()
    assert f"/sound/recording/{recording.id}" in shown[3]
    assert "Received" in shown[3]
    assert "is transcribing it" in shown[4]
    assert shown[5]["value"] == "Again"
    assert shown[6]["interactive"] is True
    (heard,) = handlers.hear(session, first, "en")
    assert "The base wrote" in heard
    assert heard == handlers.shown(session)[4]
    assert handlers.hear(session, first, "en")[0] != heard  # it is not read twice
    language, *shown = handlers.keep(session, first, "fr")
    assert language == session.choices.language == "en"  # the list says so
    assert shown[0] != first
    assert "1 kept" in shown[2]
    assert "Clips of your own: 1, 3" in shown[9]
    assert handlers.previous(session, shown[0])[3].count("Kept. To replace it") == 1


def test_a_recording_that_ends_after_its_prompt_was_left_is_still_its_own(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    first = handlers.shown(session)[0]
    second = handlers.next(session, first)[0]
    handlers.receive(session, first, take(session, tmp_path, tone(1.0)))
    assert "Press Record" in handlers.shown(session)[3]
    assert not isinstance(handlers.hear(session, first, "en")[0], str)  # the page shows another prompt
    assert handlers.previous(session, second)[0] == first
    assert "The base wrote" in handlers.shown(session)[4]


def test_the_panel_opens_itself_where_something_was_recorded_and_never_closes(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    assert "open" not in handlers.restore(session)[0]
    handlers.receive(session, handlers.shown(session)[0], take(session, tmp_path, tone(1.0)))
    assert handlers.restore(session)[0]["open"] is True


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
    prompt = handlers.shown(session)[0]
    handlers.receive(session, prompt, take(session, tmp_path, wave.astype(np.float32)))
    shown = handlers.shown(session)
    assert sentence in shown[3]
    assert shown[5]["variant"] == "primary"  # again, rather than keep
    assert shown[6]["interactive"] is True  # the person decides


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
    assert "Did you read this sentence?" in takes.heard("one two", "something else", "en", found, True, W)
    unsure = takes.heard("one two", "something else", "en", found, False, W)
    assert "Did you read" not in unsure
    assert "does not support this language" in unsure


def test_rates_by_character_lead_where_no_spaces_part_the_words() -> None:
    english = takes.heard("big red bus", "big red bag", "en", [], True, W)
    assert english.index("WER 33") < english.index("CER")
    chinese = takes.heard("今天下雨", "今天下雪", "zh", [], True, W)
    assert "CER 25" in chinese
    assert "WER" not in chinese


def test_nothing_typed_or_heard_is_markup(session: Session, handlers: RecordHandlers, tmp_path: Path) -> None:
    name, *shown = handlers.use_own(session, HOSTILE, "en")
    assert name == reading_list.OWN
    heard = takes.heard(HOSTILE, HOSTILE, "en", [], True, W)
    for markup in (shown[1], heard):
        assert "<img" not in markup
        assert "${" not in markup
        assert "{{" not in markup


@pytest.mark.parametrize(("clips", "share"), [(0, 0), (5, 0.25), (10, 0.5), (15, 0.625), (20, 0.75), (30, 0.875), (500, 1)])
def test_the_bar_goes_by_doublings(clips: int, share: float) -> None:
    assert f'value="{share:.3f}"' in takes.aim(clips, 4.0 * clips, W)
    assert takes.aim(clips, 4.0 * clips, W).count("reached") == sum(clips >= many for many in takes.AIMS)
