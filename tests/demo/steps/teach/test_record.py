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
PANEL = {"shown", "prompt", "place", "take", "heard", "record", "keep", "previous", "next", "aim"}


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
    shown = handlers.shown(session)
    first = shown["shown"]
    assert shown.keys() == PANEL
    assert "Press Record" in shown["take"]
    assert shown["keep"]["interactive"] is False
    handlers.receive(session, first, take(session, tmp_path, spoken(2.0)))
    shown = handlers.shown(session)
    (recording,) = session.recordings.all()
    assert f"/sound/recording/{recording.id}" in shown["take"]
    assert "Received" in shown["take"]
    assert "is transcribing it" in shown["heard"]
    assert shown["record"]["value"] == "Again"
    assert shown["keep"]["interactive"] is True
    heard = handlers.hear(session, first, "en")["heard"]
    assert "The base wrote" in heard
    assert heard == handlers.shown(session)["heard"]
    assert handlers.hear(session, first, "en") == {}  # it is not transcribed twice
    shown = handlers.keep(session, first, "fr")
    assert shown["language"] == session.choices.language == "en"  # the list says so
    assert shown["shown"] != first
    assert "1 kept" in shown["place"]
    assert "Clips of your own: 1, 3" in shown["aim"]
    assert handlers.previous(session, shown["shown"])["take"].count("Kept. To replace it") == 1


def test_a_recording_that_ends_after_its_prompt_was_left_is_still_its_own(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    first = handlers.shown(session)["shown"]
    second = handlers.next(session, first)["shown"]
    handlers.receive(session, first, take(session, tmp_path, tone(1.0)))
    assert "Press Record" in handlers.shown(session)["take"]
    assert handlers.hear(session, first, "en") == {}  # the page shows another prompt
    assert handlers.previous(session, second)["shown"] == first
    assert "The base wrote" in handlers.shown(session)["heard"]


def test_the_panel_opens_itself_where_something_was_recorded_and_never_closes(
    session: Session, handlers: RecordHandlers, tmp_path: Path
) -> None:
    assert "panel" not in handlers.restore(session)
    handlers.receive(session, handlers.shown(session)["shown"], take(session, tmp_path, tone(1.0)))
    assert handlers.restore(session)["panel"]["open"] is True


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
    prompt = handlers.shown(session)["shown"]
    handlers.receive(session, prompt, take(session, tmp_path, wave.astype(np.float32)))
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
    shown = handlers.use_own(session, HOSTILE, "en")
    assert shown["list"] == reading_list.OWN
    heard = takes.heard(HOSTILE, HOSTILE, "en", [], True, W)
    for markup in (shown["prompt"], heard):
        assert "<img" not in markup
        assert "${" not in markup
        assert "{{" not in markup


@pytest.mark.parametrize(("clips", "share"), [(0, 0), (5, 0.25), (10, 0.5), (15, 0.625), (20, 0.75), (30, 0.875), (500, 1)])
def test_the_bar_goes_by_doublings(clips: int, share: float) -> None:
    assert f'value="{share:.3f}"' in takes.aim(clips, 4.0 * clips, W)
    assert takes.aim(clips, 4.0 * clips, W).count("reached") == sum(clips >= many for many in takes.AIMS)
