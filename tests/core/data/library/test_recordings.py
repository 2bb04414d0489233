"""A person's recordings outlive the process, a full disk and a torn line."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.sound_files import decode
from core.data.library.recordings import Recordings
from core.errors import AudioError, DatasetError
from core.storage import files
from core.storage.files import sha256
from tests.conftest import tone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "microphone.wav"
    soundfile.write(path, tone(0.5), 16_000)
    return path


def kept(folder: Path) -> list[Path]:
    """Everything on disk below the folder but the list."""
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".jsonl", ".lock"))


def test_a_new_folder_is_empty_and_touches_nothing(folder: Path) -> None:
    assert Recordings(folder).all() == []
    assert Recordings(folder).clips() == []
    assert not folder.exists()


def test_what_was_added_is_on_disk_and_listed(folder: Path, source: Path) -> None:
    added = Recordings(folder).add(source)
    assert Recordings(folder).all() == [added]
    assert Recordings(folder).get(added.id) == added
    assert kept(folder) == [added.path]
    assert added.sha256 == sha256(added.path)
    assert (added.seconds, added.text) == (0.5, "")
    np.testing.assert_allclose(decode(added.path), tone(0.5), atol=1e-4)


def test_labels_and_removals_outlive_the_object(folder: Path, source: Path) -> None:
    one, two, three = (Recordings(folder).add(source).id for _ in range(3))
    Recordings(folder).label(one, " Good \n morning. ")
    Recordings(folder).label(three, "Good day")
    Recordings(folder).label(three, "Good night")
    Recordings(folder).remove(two)
    listed = Recordings(folder).all()
    assert [(recording.id, recording.text) for recording in listed] == [(one, "Good morning."), (three, "Good night")]
    assert all(sha256(recording.path) == recording.sha256 for recording in listed)
    assert len(kept(folder)) == 3  # what was removed is off the list, not off the disk


def test_label_returns_the_recording_as_it_is_then_listed(folder: Path, source: Path) -> None:
    recordings = Recordings(folder)
    labelled = recordings.label(recordings.add(source).id, "Größe", "de")
    assert labelled.text == "Größe"
    assert Recordings(folder).get(labelled.id) == labelled


def test_only_labelled_recordings_are_clips(folder: Path, source: Path) -> None:
    recordings = Recordings(folder)
    first, second = recordings.add(source), recordings.add(source)
    recordings.label(second.id, "Good day")
    (clip,) = recordings.clips()
    assert (clip.path, clip.text, clip.speaker, clip.part) == (str(second.path), "Good day", "", "")
    recordings.label(first.id, "Good night")
    recordings.remove(second.id)
    assert [clip.text for clip in Recordings(folder).clips()] == ["Good night"]


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_torn_last_line_loses_only_itself(folder: Path, source: Path, cut: int) -> None:
    recordings = Recordings(folder)
    first = recordings.label(recordings.add(source).id, "Good day")
    recordings.add(source)
    log = folder / "log.jsonl"
    log.write_bytes(log.read_bytes()[: -1 - cut])  # the newline and a little more
    assert Recordings(folder).all() == [first]
    third = Recordings(folder).add(source)
    fourth = Recordings(folder).label(first.id, "Good night")
    assert Recordings(folder).all() == [fourth, third]


def test_a_torn_character_loses_only_its_line(folder: Path, source: Path) -> None:
    added = Recordings(folder).add(source)
    with (folder / "log.jsonl").open("ab") as log:
        log.write(f'{{"label": "{added.id}", "text": "Grö'.encode()[:-1])
    assert Recordings(folder).all() == [added]
    assert Recordings(folder).label(added.id, "Größer", "de") == Recordings(folder).get(added.id)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "audio_empty"), (b"<html>", "audio_unreadable"), (None, "audio_missing")],
)
def test_a_file_that_cannot_be_used_changes_nothing(
    folder: Path, source: Path, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    bad = tmp_path / "bad.wav"
    if content is not None:
        bad.write_bytes(content)
    for _ in range(2):  # with nothing there yet, and beside a recording
        before = [(path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
        with pytest.raises(AudioError, match="bad.wav") as caught:
            Recordings(folder).add(bad)
        assert caught.value.reason == reason
        assert [(path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()] == before
        Recordings(folder).add(source)


def test_silence_is_not_kept(folder: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "muted.wav", np.zeros(16_000), 16_000)
    with pytest.raises(AudioError, match="silent") as caught:
        Recordings(folder).add(tmp_path / "muted.wav")
    assert caught.value.reason == "audio_silent"
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "reason"),
    [("", "text_empty"), (" \n", "text_empty"), ("?!", "text_empty"), ("a" * 2_001, "transcript_too_long")],
)
def test_a_text_that_cannot_be_used_is_refused(folder: Path, source: Path, text: str, reason: str) -> None:
    recordings = Recordings(folder)
    before = recordings.label(recordings.add(source).id, "Good day")
    with pytest.raises(DatasetError, match="transcript") as caught:
        recordings.label(before.id, text)
    assert caught.value.reason == reason
    assert Recordings(folder).all() == [before]


@pytest.mark.parametrize("action", ["get", "remove", "label"])
@pytest.mark.parametrize("id", ["0123456789abcdef", "", "../audio", "removed"])
def test_an_unknown_recording_is_refused(folder: Path, source: Path, action: str, id: str) -> None:
    recordings = Recordings(folder)
    recordings.add(source)
    gone = recordings.add(source).id
    recordings.remove(gone)
    id = gone if id == "removed" else id
    log = (folder / "log.jsonl").read_bytes()
    with pytest.raises(DatasetError, match="no recording") as caught:
        getattr(recordings, action)(*((id, "Good day") if action == "label" else (id,)))
    assert caught.value.reason == "no_recording"
    assert (folder / "log.jsonl").read_bytes() == log


def test_a_full_folder_is_refused(folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.data.library.recordings.MAX_RECORDINGS", 2)
    first, second = (Recordings(folder).add(source) for _ in range(2))
    with pytest.raises(DatasetError, match="There are 2 recordings already") as caught:
        Recordings(folder).add(source)
    assert caught.value.reason == "collection_full"
    assert kept(folder) == sorted([first.path, second.path])
    Recordings(folder).remove(first.id)
    assert len({second.id, Recordings(folder).add(source).id}) == len(Recordings(folder).all()) == 2


def test_a_failing_list_leaves_no_sound_behind(folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Recordings(folder).add(source)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("core.data.library.recordings.append_json_line", full)
        with pytest.raises(OSError, match="No space left"):
            Recordings(folder).add(source)
    assert kept(folder) == [first.path]
    assert Recordings(folder).all() == [first]
    second = Recordings(folder).add(source)
    assert Recordings(folder).all() == [first, second]


def test_a_list_that_cannot_be_flushed_names_no_sound_that_is_gone(
    folder: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Recordings(folder).add(source)
    log = os.stat(folder / "log.jsonl").st_ino
    fsync = os.fsync

    def failing(handle: int) -> None:
        if os.fstat(handle).st_ino == log:
            raise OSError(5, "Input/output error")
        fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", failing)
        with pytest.raises(OSError, match="Input/output"):
            Recordings(folder).add(source)
    assert Recordings(folder).all() == [first]
    assert kept(folder) == [first.path]


def test_a_full_disk_is_an_os_error_and_keeps_nothing(folder: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    long = tmp_path / "long.wav"
    soundfile.write(long, np.random.default_rng(0).uniform(-0.5, 0.5, 16_000 * 4), 16_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))  # no file may grow beyond this
    caught: Exception | None = None
    try:
        Recordings(folder).add(long)
    except Exception as error:
        caught = error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert kept(folder) == []
    assert Recordings(folder).all() == []
    assert isinstance(caught, OSError)


@pytest.mark.parametrize(
    "name",
    [
        "größe 好.wav",
        "two\nlines.wav",
        "line\u2028separator.wav",
        "next\x85line.wav",
        "form\x0cfeed.wav",
        os.fsdecode(b"latin-\xfc.wav"),  # a name that is not UTF-8, as an old archive unpacks to
    ],
)
def test_a_strange_file_name_loses_nothing(folder: Path, source: Path, name: str) -> None:
    try:
        strange = source.rename(source.with_name(name))
    except OSError:
        pytest.skip("no such name on this file system")
    added = Recordings(folder).add(strange)
    assert Recordings(folder).all() == [added]
    assert kept(folder) == [added.path]
