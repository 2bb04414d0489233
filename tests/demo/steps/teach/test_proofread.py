"""Proofreading: a long recording is read in the background, mended row by row, and becomes clips; nothing gets lost."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio import segmentation, sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.data.drafts import Draft, by_doubt
from core.errors import AttuneError, DatasetError, RunError
from core.storage.files import write_json
from demo.background.model_pool import ModelPool
from demo.background.tasks import Tasks
from demo.session.session import Session
from demo.steps.names import Shown
from demo.steps.teach.proofread import long_recordings
from demo.steps.teach.proofread.handlers import ProofreadHandlers
from demo.steps.teach.proofread.long_recordings import LongRecording
from demo.steps.teach.proofread.show import ROWS
from demo.wording import Wording
from tests.core.audio.test_segmentation import spoken
from tests.demo.session.uploading import uploaded

W = Wording("en")
SENTENCES = 10
SHEET = {"loading", "earlier", "status", "stop", "go_on", "timer", "work", "summary", "back", "forward", "page"}
HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} {{alert(3)}}"


@pytest.fixture
def session(tmp_path: Path, tiny_ctc: Path) -> Session:
    session = Session(tmp_path / "session", local=True)
    session.choose(model=str(tiny_ctc))
    return session


@pytest.fixture
def sound(tmp_path: Path) -> str:
    sound_files.write_flac(tmp_path / "my lecture.flac", spoken(*[2.0, 1.0] * (SENTENCES - 1), 2.0))
    return str(tmp_path / "my lecture.flac")


@pytest.fixture
def recording(session: Session, sound: str) -> LongRecording:
    """One that is read, each row with a text of its own."""
    recording = long_recordings.receive(session, Path(sound))
    texts = [f"row number {number}" for number in range(SENTENCES)]
    drafts = [Draft(3.0 * i, 3.0 * i + 2.0, text, 0.1 * (1 + i)) for i, text in enumerate(texts)]
    recording.add(tuple(drafts), SENTENCES)
    return recording


@pytest.fixture
def handlers() -> ProofreadHandlers:
    return ProofreadHandlers(W, ModelPool(), Tasks())


def wait(handlers: ProofreadHandlers, session: Session) -> None:
    while handlers.look(session)["timer"]["active"]:
        time.sleep(0.02)


def keys(shown: Shown) -> list[str]:
    return [key for number in range(ROWS) if (key := shown[f"row {number}.key"])]


def texts(shown: Shown) -> list[str]:
    return [shown[f"row {number}.text"] for number in range(ROWS) if shown[f"row {number}.frame"]["visible"]]


def test_a_recording_is_cut_read_and_offered_most_doubtful_first(session: Session, sound: str) -> None:
    handlers = ProofreadHandlers(W, ModelPool(), Tasks())
    rows = {f"row {number}.{name}" for number in range(ROWS) for name in ("frame", "key", "about")}
    assert handlers.shown(session, "doubt", "0").keys() == SHEET | rows
    handlers.receive(session, uploaded(session, sound))
    recording = long_recordings.current(session)
    handlers.receive(session, uploaded(session, sound))  # it is at work already
    assert long_recordings.current(session).id == recording.id
    wait(handlers, session)
    assert recording.about == long_recordings.About("my lecture", "en", 30.0, SENTENCES, SENTENCES)
    assert len(recording.drafts) == SENTENCES
    shown = handlers.shown(session, "doubt", "0")
    doubtful = [recording.drafts[i] for i in by_doubt(recording.drafts)]
    assert keys(shown) == [long_recordings.key_of(draft) for draft in doubtful[:ROWS]]
    assert keys(handlers.forward(session, "doubt", "0")) == [long_recordings.key_of(draft) for draft in doubtful[ROWS:]]
    assert keys(handlers.back(session, "time", "1")) == [long_recordings.key_of(draft) for draft in recording.drafts[:ROWS]]
    assert handlers.look(session)["finished"] == f"{recording.id} {SENTENCES}"


def test_what_is_stopped_or_dies_goes_on_where_it_was(session: Session, sound: str) -> None:
    before = ProofreadHandlers(W, ModelPool(), Tasks())
    before.receive(session, uploaded(session, sound))
    before.stop(session)
    wait(before, session)
    recording = long_recordings.current(session)
    stopped = recording.about.read
    assert len(recording.drafts) == stopped
    handlers = ProofreadHandlers(W, ModelPool(), Tasks())  # the server was started anew
    assert handlers.look(session)["go_on"]["visible"] == (stopped < SENTENCES)
    handlers.go_on(session, "doubt", "0")
    wait(handlers, session)
    whole = recording.drafts
    assert len(whole) == SENTENCES
    # The drafts of the last spans were written, but a crash came before it was noted that they were read.
    write_json(recording.folder / "about.json", {**dataclasses.asdict(recording.about), "read": 0})
    handlers.go_on(session, "doubt", "0")
    wait(handlers, session)
    assert recording.drafts == whole


def test_a_model_that_cannot_be_loaded_is_said_and_the_recording_stays(session: Session, sound: str) -> None:
    handlers = ProofreadHandlers(W, ModelPool(), Tasks())
    session.choose(model="/no/such/folder")
    handlers.receive(session, uploaded(session, sound))
    wait(handlers, session)
    shown = handlers.look(session)
    assert "There is no folder or file /no/such/folder" in shown["status"]
    assert shown["go_on"]["visible"] is True


def test_rows_are_mended_and_what_is_typed_is_on_disk_at_once(
    session: Session, handlers: ProofreadHandlers, recording: LongRecording
) -> None:
    first, second = (long_recordings.key_of(draft) for draft in recording.drafts[:2])
    assert handlers.type(session, first, " half  typed ") == {}
    assert LongRecording(recording.folder).drafts[0] == Draft(0.0, 2.0, "half typed", 0.1)
    handlers.type(session, "no-such", "lost")
    assert "lost" not in [draft.text for draft in recording.drafts]
    shown = handlers.accept(session, first, "one whole row", "time", "0")
    assert recording.drafts[0].accepted
    assert texts(shown)[0] == "one whole row"
    assert "accepted" in shown["row 0.about"]
    assert keys(handlers.shown(session, "doubt", "1"))[-1] == second  # the accepted one is not among them
    handlers.split(session, second, "one two three four", 1.0, "time", "0")
    assert [draft.text for draft in recording.drafts[1:3]] == ["one two", "three four"]
    handlers.merge(session, long_recordings.key_of(recording.drafts[1]), "one two", "time", "0")
    assert recording.drafts[1].text == "one two three four"
    handlers.delete(session, second, "time", "0")
    assert len(recording.drafts) == SENTENCES - 1


@pytest.mark.parametrize(
    ("act", "match"),
    [
        (lambda handlers, session, key: handlers.accept(session, key, " ... ", "time", "0"), "no words"),
        (lambda handlers, session, key: handlers.split(session, key, "one two", 0, "time", "0"), "Play the row"),
        (lambda handlers, session, key: handlers.split(session, key, "one two", 1.9, "time", "0"), "cannot split"),
        (lambda handlers, session, key: handlers.merge(session, "27000-29000", "last", "time", "0"), "no draft number"),
        (lambda handlers, session, key: handlers.delete(session, "0-1", "time", "0"), "no longer in the list"),
        (lambda handlers, session, key: handlers.keep(session, "time", "0"), "No row is accepted"),
        (lambda handlers, session, key: handlers.keep_as_set(session, "name", "time", "0"), "No row is accepted"),
        (lambda handlers, session, key: handlers.take_up(session, "../recordings", "time"), "no such recording"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    session: Session, handlers: ProofreadHandlers, recording: LongRecording, act, match: str
) -> None:
    before = recording.drafts
    with pytest.raises(AttuneError, match=match):
        act(handlers, session, long_recordings.key_of(before[0]))
    assert recording.drafts == before


def test_accepted_rows_become_clips_with_their_own_sound(
    session: Session, handlers: ProofreadHandlers, recording: LongRecording
) -> None:
    for draft in recording.drafts[:2]:
        handlers.accept(session, long_recordings.key_of(draft), draft.text, "time", "0")
    assert "2" in handlers.keep(session, "time", "0")["kept"]
    kept = session.recordings.all()
    assert [clip.text for clip in kept] == ["row number 0", "row number 1"]
    assert np.array_equal(sound_files.decode(kept[1].path), recording.wave()[3 * SAMPLE_RATE : 5 * SAMPLE_RATE])
    assert len(recording.drafts) == SENTENCES - 2


def test_accepted_rows_become_a_set_of_the_library(
    session: Session, handlers: ProofreadHandlers, recording: LongRecording
) -> None:
    for draft in recording.drafts[2:5]:
        handlers.accept(session, long_recordings.key_of(draft), draft.text, "time", "0")
    with pytest.raises(DatasetError, match="name must have"):
        handlers.keep_as_set(session, "  ", "time", "0")
    assert len(recording.drafts) == SENTENCES
    assert "<img" not in handlers.keep_as_set(session, HOSTILE, "time", "0")["kept"]
    (stored,) = session.library.sets()
    assert [clip.text for clip in stored.labelled().clips] == ["row number 2", "row number 3", "row number 4"]
    assert len(recording.drafts) == SENTENCES - 3
    assert not list(recording.folder.glob("tmp*"))


def test_a_recording_put_aside_is_taken_up_again(
    session: Session, handlers: ProofreadHandlers, recording: LongRecording
) -> None:
    shown = handlers.put_aside(session, "doubt")
    assert long_recordings.current(session) is None
    assert shown["earlier"]["visible"] is True
    assert [id for _, id in shown["earlier"]["choices"]] == [recording.id]
    assert len(keys(handlers.take_up(session, recording.id, "doubt"))) == ROWS
    recording.change(lambda drafts: ())
    assert long_recordings.put_aside(session) == []  # nothing is left to do


def test_a_row_s_sound_is_its_own(recording: LongRecording, tmp_path: Path) -> None:
    (tmp_path / "cut.flac").write_bytes(recording.cut(3.0, 5.0))
    wave, rate = soundfile.read(tmp_path / "cut.flac", dtype="float32")
    assert rate == SAMPLE_RATE
    assert np.array_equal(wave, recording.wave()[3 * SAMPLE_RATE : 5 * SAMPLE_RATE])
    assert len(recording.cut(1e6, 1e6 + 1)) < 100


@pytest.mark.parametrize("span", [(-5.0, -1.0), (5.0, 3.0), (3.0, 3.0), (0.0, 590.0), (1e9, 2e9), (0.0, float("nan"))])
def test_no_more_is_cut_out_than_a_row_can_have(recording: LongRecording, span: tuple[float, float]) -> None:
    with pytest.raises(DatasetError, match="That draft is no longer"):
        recording.cut(*span)


def test_the_longest_rows_can_be_heard() -> None:
    assert segmentation.MAX_SECONDS + 2 * segmentation.MARGIN_SECONDS < long_recordings.ROW_SECONDS


def test_silence_noise_and_strangers_get_nowhere(session: Session, recording: LongRecording, tmp_path: Path) -> None:
    sound_files.write_flac(tmp_path / "silence.flac", np.zeros(SAMPLE_RATE, np.float32))
    with pytest.raises(AttuneError, match="silent"):
        long_recordings.receive(session, tmp_path / "silence.flac")
    stranger = Session(tmp_path / "stranger")
    for id in (recording.id, "", "..", "../" + recording.id, "0" * 16):
        with pytest.raises(RunError, match="no such recording"):
            long_recordings.find(stranger, id)


def test_no_text_of_a_row_is_markup(session: Session, handlers: ProofreadHandlers, sound: str, tmp_path: Path) -> None:
    hostile = tmp_path / "<b>${alert(1)}.flac"
    hostile.write_bytes(Path(sound).read_bytes())
    recording = long_recordings.receive(session, hostile)
    recording.add((Draft(0.0, 2.0, HOSTILE, 1.0),), 1)
    shown = handlers.shown(session, "doubt", "0")
    for markup in (shown["status"], shown["summary"], shown["row 0.about"]):
        assert "<b>" not in markup
        assert "<img" not in markup
        assert "${" not in markup
    assert texts(shown) == [HOSTILE]  # in a text field it is text
