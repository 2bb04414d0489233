"""A stop is heard at once wherever an import is: counted in how often it still asks, which is once for each piece of work."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from core.data.clips.labelled_set import Clip
from core.data.importers import archive
from core.data.importers.any_format import into_library, read
from core.data.importers.archive import unpack
from core.data.importers.rows import Imported
from core.data.library.library import Library
from core.errors import DatasetError
from tests.core.data.importers.test_archive import pack
from tests.core.data.importers.test_corpora import aishell, common_voice, kaldi, librispeech, speech_commands, text_files
from tests.core.data.recordings import sound, text

LONG = 100  # lines, folders or files that yield no row


class Stop:
    """Says to stop from one of its questions on, and counts them.

    Args:
        at: the number of the question; 0 for none.
    """

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked == self.at or self.asked > self.at > 0


def heard_anywhere(work: Callable[[Stop], object], most: int = 10) -> int:
    """Stops a piece of work at its questions, one after the other; returns how many it asks when nobody stops it."""
    whole = Stop()
    with suppress(DatasetError):  # there is nothing in it
        work(whole)
    for at in {1, 2, *range(3, whole.asked + 1, max(1, whole.asked // most)), whole.asked}:
        stop = Stop(at)
        with pytest.raises(DatasetError) as caught:
            work(stop)
        assert caught.value.reason in ("import_stopped", "writing_stopped")
        assert stop.asked == at  # nothing was begun after the answer
    return whole.asked


def packed_folders(path: Path, count: int) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for i in range(count):
            packed.writestr(f"folder {i}/", "")
            packed.writestr(f"folder {i}/empty.txt", "")
    return path


def test_a_zip_of_folders_and_empty_files(tmp_path: Path) -> None:
    path = packed_folders(tmp_path / "set.zip", LONG)

    def work(stop: Stop) -> None:
        folder = tmp_path / f"unpacked-{stop.at}"
        folder.mkdir()
        unpack(path, folder, stop)

    assert heard_anywhere(work) >= 2 * LONG
    assert {at.name for at in tmp_path.iterdir() if not at.name.startswith(".")} == {"set.zip", "unpacked-0"}


def test_too_many_entries_are_refused_before_they_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed_folders(tmp_path / "set.zip", 20)
    made = []
    listed = zipfile.ZipInfo.__init__
    monkeypatch.setattr(zipfile.ZipInfo, "__init__", lambda self, *given: (made.append(0), listed(self, *given))[1])
    for entries, bytes_each in ((39, 1_000), (40, 10)):
        monkeypatch.setattr(archive, "MAX_ENTRIES", entries)
        monkeypatch.setattr(archive, "MAX_ENTRY_BYTES", bytes_each)
        with pytest.raises(DatasetError, match="set.zip was not unpacked: it has more than") as caught:
            unpack(path, tmp_path / "unpacked")
        assert caught.value.reason == "archive_too_large"
        assert not made
    monkeypatch.setattr(archive, "MAX_ENTRY_BYTES", 1_000)
    unpack(path, tmp_path / "unpacked")


@pytest.mark.parametrize("make", [aishell, common_voice, kaldi, librispeech, speech_commands, text_files])
def test_every_layout(make: Callable[[Path], int], tmp_path: Path) -> None:
    rows = make(tmp_path / "set")
    work = tmp_path / "work"
    assert heard_anywhere(lambda stop: read(tmp_path / "set", language="zh", work=work, should_stop=stop)) > rows


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("set.csv", "path,text\n" + "\n" * LONG),
        ("set.jsonl", '{"path": "a.wav", "text": "Hello"}\n' + "\n" * LONG),
        ("set.tsv", "path\ttext\n" + "\t\n" * LONG),
    ],
)
def test_lines_that_are_no_rows(name: str, content: str, tmp_path: Path) -> None:
    path = text(tmp_path / name, content)
    assert heard_anywhere(lambda stop: read(path, should_stop=stop)) > LONG


def test_folders_in_which_nothing_is_found(tmp_path: Path) -> None:
    librispeech(tmp_path)
    for i in range(LONG):
        (tmp_path / "empty" / str(i)).mkdir(parents=True)
    assert heard_anywhere(lambda stop: read(tmp_path, should_stop=stop)) > 2 * LONG


def test_kaldis_tables_of_what_nobody_says(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav")
    text(tmp_path / "text", "a Hello there\n")
    for table in ("wav.scp", "utt2spk"):
        text(tmp_path / table, "a a.wav\n" + "".join(f"b{i} b{i}.wav\n" for i in range(LONG)))
    assert heard_anywhere(lambda stop: read(tmp_path, should_stop=stop)) > 2 * LONG


def test_splitting_and_keeping(tmp_path: Path) -> None:
    clips = tuple(Clip(str(sound(tmp_path / f"{i}.wav")), f"sentence number {'x' * (i + 1)}") for i in range(8))
    work = Imported(clips, (), "manifest")

    def keep(stop: Stop) -> None:
        into_library(work, Library(tmp_path / "library"), "birds", should_stop=stop)

    assert heard_anywhere(keep) == 2 * len(clips)  # once each for the split and for the copy
    assert len(Library(tmp_path / "library").sets()) == 1


def test_a_zip_is_unpacked_no_further(tmp_path: Path) -> None:
    path = pack(tmp_path / "set.zip", {f"{i}.txt": b"x" for i in range(50)})
    made: list[int] = []
    folder = tmp_path / "unpacked"
    folder.mkdir()

    def stop() -> bool:
        made.append(len(list(folder.iterdir())))
        return len(made) > 20

    with pytest.raises(DatasetError, match="set.zip was stopped"):
        unpack(path, folder, stop)
    assert max(made) <= 20
    assert not folder.exists()
