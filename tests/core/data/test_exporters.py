"""What is exported comes back as it was."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.sound_files import decode
from core.data.clips.labelled_set import PARTS, Clip
from core.data.exporters import LAYOUTS, export
from core.data.importers.any_format import detect, read
from core.errors import DatasetError
from tests.core.data.recordings import kept, sound, text

SAID = [
    ('Hello, "you"; it\'s | a\\b', "Ada", "train"),
    ('"Wholly quoted"', "Ada", "validation"),
    ('"Half quoted', "", "test"),
    ("null", "NA", "train"),
    ("مرحبا بالعالم", "李", ""),
    ("a👨‍👩‍👧 = family", "=cmd()", "test"),
    ("1", "007", "train"),
]
FORMATS = {"csv": "manifest", "audiofolder": "audiofolder", "common_voice": "common_voice"}  # what each is read as


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    """Seven clips, five of whose files have the same name up to capitals, 16 kHz and 16 bit."""
    names = ["a/x.flac", "b/x.wav", "c/X.wav", "d/x-2.wav", "e/x.flac", "ü 好.wav", "?!.wav"]
    return [Clip(str(sound(tmp_path / "in" / name)), *said) for name, said in zip(names, SAID, strict=True)]


def content(clips: tuple[Clip, ...] | list[Clip]) -> list[tuple[str, str, str, bytes]]:
    return sorted((clip.text, clip.speaker, clip.part, decode(clip.path).tobytes()) for clip in clips)


@pytest.mark.parametrize("format", LAYOUTS)
def test_what_is_exported_comes_back(clips: list[Clip], tmp_path: Path, format: str) -> None:
    told: list[tuple[int, int | None]] = []
    exported = export(clips, tmp_path / "out", format, "ar", progress=lambda done, total: told.append((done, total)))
    assert exported.dropped == ()
    assert told == [(i + 1, 7) for i in range(7)]
    assert detect(tmp_path / "out") == FORMATS[format]
    imported = read(tmp_path / "out", language="ar")
    assert imported.dropped == ()
    assert content(imported.clips) == content(clips) == content(exported.clips)
    assert {clip.path for clip in imported.clips} == {clip.path for clip in exported.clips}
    assert len({clip.path.casefold() for clip in imported.clips}) == 7
    if format != "common_voice":  # whose columns are given
        assert {clip.id for clip in imported.clips} == {clip.id for clip in exported.clips} == {clip.id for clip in clips}
    again = export(imported.clips, tmp_path / "again", format, "ar")
    assert content(again.clips) == content(clips)


@pytest.mark.parametrize("format", LAYOUTS)
@pytest.mark.parametrize("part", ["", *PARTS])
def test_a_set_of_one_part_comes_back(tmp_path: Path, format: str, part: str) -> None:
    clips = [Clip(str(sound(tmp_path / "a.wav")), "Hello", "Ada", part)]
    export(clips, tmp_path / "out", format)
    assert kept(read(tmp_path / "out")) == [("a.flac", "Hello", "Ada", part)]


def test_the_layouts_are_as_others_expect_them(clips: list[Clip], tmp_path: Path) -> None:
    for format in LAYOUTS:
        export(clips, tmp_path / format, format, "ar")
    found = {str(path.relative_to(tmp_path / "csv")) for path in (tmp_path / "csv").rglob("*.*")}
    names = {"x", "x-2", "X-3", "x-2-2", "x-4", "ü_好", "_"}
    assert found == {"clips.csv", *(f"audio/{name}.flac" for name in names)}
    assert (tmp_path / "csv" / "clips.csv").read_text().startswith("path,text,speaker,part,id\naudio/x.flac,")
    assert {path.name for path in (tmp_path / "audiofolder").iterdir()} == set(PARTS)
    rows = [json.loads(line) for line in (tmp_path / "audiofolder" / "test" / "metadata.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ['"Half quoted', "a👨‍👩‍👧 = family"]
    assert all((tmp_path / "audiofolder" / "test" / row["file_name"]).is_file() for row in rows)
    voice = tmp_path / "common_voice"
    assert {path.name for path in voice.iterdir()} == {"clips", "train.tsv", "dev.tsv", "test.tsv", "validated.tsv"}
    lines = (voice / "validated.tsv").read_text().split("\n")
    assert lines[0].split("\t") == ["client_id", "path", "sentence", "up_votes", "down_votes", "locale"]
    assert len(lines) == 9
    info = soundfile.info(tmp_path / "csv" / "audio" / "x.flac")
    assert (info.samplerate, info.channels, info.subtype) == (16_000, 1, "PCM_16")


def test_the_hubs_own_reader_takes_the_audiofolder(clips: list[Clip], tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    export(clips, tmp_path / "out", "audiofolder")
    loaded = datasets.load_dataset("audiofolder", data_dir=str(tmp_path / "out"), streaming=True)
    for part in PARTS:
        rows = [row for _, row in loaded[part]._ex_iterable]  # before it looks for a package that decodes
        expected = [clip for clip in clips if (clip.part or "train") == part]
        assert sorted((row["text"], row["speaker"], row["part"]) for row in rows) == sorted(
            (clip.text, clip.speaker, clip.part) for clip in expected
        )


def test_other_recordings_become_16_khz(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", 1.0, rate=44_100, channels=2, subtype="PCM_24")
    (clip,) = export([Clip(str(path), "Hello")], tmp_path / "out").clips
    np.testing.assert_allclose(decode(clip.path), decode(path), atol=1 / 32_768)


def test_a_clip_that_cannot_be_decoded_is_dropped(clips: list[Clip], tmp_path: Path) -> None:
    whole = Path(clips[0].path).read_bytes()
    Path(clips[0].path).write_bytes(whole[: len(whole) // 2])
    soundfile.write(clips[1].path, np.zeros(16_000), 16_000)
    Path(clips[2].path).unlink()
    exported = export(clips, tmp_path / "out")
    assert [dropped.reason for dropped in exported.dropped] == ["audio_unreadable", "audio_silent", "audio_missing"]
    assert content(read(tmp_path / "out", language="ar").clips) == content(clips[3:])


@pytest.mark.parametrize("stop", [1, 4])
def test_a_stop_leaves_nothing(clips: list[Clip], tmp_path: Path, stop: int) -> None:
    told: list[int] = []
    with pytest.raises(DatasetError, match="out was stopped") as caught:
        export(clips, tmp_path / "out", progress=lambda done, _: told.append(done), should_stop=lambda: len(told) == stop)
    assert caught.value.reason == "import_stopped"
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_what_is_there_is_not_written_over(clips: list[Clip], tmp_path: Path) -> None:
    text(tmp_path / "file", "x")
    text(tmp_path / "folder" / "mine.txt", "x")
    for name in ("file", "folder"):
        with pytest.raises(DatasetError, match=f"{name} already exists") as caught:
            export(clips, tmp_path / name)
        assert caught.value.reason == "export_exists"
    assert (tmp_path / "file").read_text() == (tmp_path / "folder" / "mine.txt").read_text() == "x"
    (tmp_path / "empty").mkdir()
    assert len(export(clips, tmp_path / "empty").clips) == 7


def test_what_cannot_be_exported(clips: list[Clip], tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="There is no export format 'wav'.*csv, audiofolder, common_voice") as caught:
        export(clips, tmp_path / "out", "wav")
    assert caught.value.reason == "export_format"
    for chosen in ([], [Clip(str(tmp_path / "gone.wav"), "Hello")]):
        with pytest.raises(DatasetError, match="No clip can be used, so out was not written") as caught:
            export(chosen, tmp_path / "out")
        assert caught.value.reason == "export_nothing"
    assert not (tmp_path / "out").exists()
