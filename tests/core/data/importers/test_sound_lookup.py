"""Sounds that are not where a list says: other capitals, paths of other computers, folders that are missing."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from core.data.importers.any_format import read
from core.data.importers.rows import Imported
from tests.core.data.recordings import reasons, sound, text


def imported(folder: Path, *paths: str, guarded: bool = False) -> Imported:
    rows = [f'"{path}",Text {number}' for number, path in enumerate(paths)]
    return read(text(folder / "list.csv", "\n".join(["path,text", *rows])), within=folder if guarded else None)


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize(
    ("there", "listed", "found", "note"),
    [
        ("c0.wav", "C0.WAV", "c0.wav", False),
        ("C0.WAV", "c0.wav", "C0.WAV", False),
        ("in/c0.wav", "in/C0.wav", "in/c0.wav", False),
        ("in/c0.wav", r"in\C0.wav", "in/c0.wav", False),
        (unicodedata.normalize("NFD", "ü.wav"), "ü.wav", unicodedata.normalize("NFD", "ü.wav"), False),
        ("c0.wav", "/home/anna/x/c0.wav", "c0.wav", True),
        ("c0.wav", "/home/anna/x/C0.WAV", "c0.wav", True),
        ("x/c0.wav", "/home/anna/x/c0.wav", "x/c0.wav", True),
        ("anna/x/c0.wav", "/home/anna/x/c0.wav", "anna/x/c0.wav", True),
        ("c0.wav", r"C:\Users\anna\c0.wav", "c0.wav", True),
        ("anna/c0.wav", r"C:\Users\anna\c0.wav", "anna/c0.wav", True),
        ("c0.wav", "D:/c0.wav", "c0.wav", True),
        ("c0.wav", r"\\server\share\c0.wav", "c0.wav", True),
        ("c0.wav", "/" + "a/" * 100 + "c0.wav", "c0.wav", True),
    ],
)
def test_a_sound_is_found(tmp_path: Path, there: str, listed: str, found: str, note: bool, guarded: bool) -> None:
    sound(tmp_path / "set" / there)
    result = imported(tmp_path / "set", listed, guarded=guarded)
    assert [clip.path for clip in result.clips] == [str(tmp_path / "set" / found)]
    assert [one.reason for one in result.notes] == ["rows_moved"] * note
    for one in result.notes:
        assert "In 1 row the sound is named by its place on another computer (list.csv, line 2)" in one.message


@pytest.mark.parametrize(
    ("there", "listed", "reason"),
    [
        (["c0.wav", "C0.wav"], "C0.WAV", "row_no_sound"),
        (["c0.wav", "x/c0.wav"], "/home/anna/x/c0.wav", "row_no_sound"),
        (["c0.wav"], "gone/c0.wav", "row_no_sound"),
        (["c0.wav"], "/home/anna/../c0.wav", "row_no_sound"),
        (["c0.wav"], "/home/anna/x/", "row_no_sound"),
        (["c0.wav"], "http://example.org/c0.wav", "row_no_sound"),
        (["c0.wav"], "/" + "a/" * 50_000 + "c1.wav", "row_no_sound"),
        (["c0.wav"], "/" + "x" * 100_000, "row_no_sound"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_an_uncertain_sound_is_not_found(tmp_path: Path, there: list[str], listed: str, reason: str) -> None:
    for name in there:
        sound(tmp_path / "set" / name)
    assert reasons(imported(tmp_path / "set", listed)) == {reason: 1}


def test_one_file_that_two_rows_could_mean_is_neithers(tmp_path: Path) -> None:
    for name in ("c0.wav", "c1.wav"):
        sound(tmp_path / "set" / name)
    result = imported(tmp_path / "set", "/home/anna/x/c0.wav", "/home/anna/x/c1.wav", "/home/anna/y/c0.wav")
    assert [clip.text for clip in result.clips] == ["Text 1"]
    assert [(one.reason, one.where) for one in result.dropped] == [
        ("row_ambiguous", "list.csv, line 4"),
        ("row_ambiguous", "list.csv, line 2"),
    ]
    assert (
        "there is one c0.wav, but the list names two: /home/anna/x/c0.wav and /home/anna/y/c0.wav" in result.dropped[0].message
    )


def test_a_browsers_files_without_their_folders_are_not_mixed_up(tmp_path: Path) -> None:
    sound(tmp_path / "set" / "c0.wav")
    assert len(imported(tmp_path / "set", "x/c0.wav", guarded=True).clips) == 1
    assert reasons(imported(tmp_path / "set", "x/c0.wav", "y/c0.wav", guarded=True)) == {"row_ambiguous": 2}


def test_parts_of_one_moved_recording_are_no_doubt(tmp_path: Path) -> None:
    sound(tmp_path / "set" / "c0.wav", 2.0)
    content = "path,text,start,end\n/x/c0.wav,One,0,0.9\n/x/c0.wav,Two,1,2\n"
    result = read(text(tmp_path / "set" / "list.csv", content), work=tmp_path / "work")
    assert [clip.text for clip in result.clips] == ["One", "Two"]
    result = read(text(tmp_path / "set" / "list.csv", f"{content}/y/c0.wav,Three,0.2,0.8\n"), work=tmp_path / "work")
    assert reasons(result) == {"row_ambiguous": 3}


def test_nothing_outside_the_folder_is_found_or_revealed(tmp_path: Path) -> None:
    secret = sound(tmp_path / "secret.wav")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link.wav").symlink_to(secret)
    (tmp_path / "set" / "out").symlink_to(tmp_path)
    listed = [str(secret), "/home/x/link.wav", "LINK.wav", "out/SECRET.wav", "/home/out/secret.wav", "/no/such.wav"]
    result = imported(tmp_path / "set", *listed, guarded=True)
    assert result.clips == ()
    assert reasons(result) == {"row_outside": 5, "row_no_sound": 1}


def test_a_kaldi_folder_of_another_computer(tmp_path: Path) -> None:
    sound(tmp_path / "data" / "wav" / "a.wav")
    text(tmp_path / "data" / "wav.scp", "utt1 /export/corpora/wav/a.wav\n")
    text(tmp_path / "data" / "text", "utt1 Hello there\n")
    result = read(tmp_path / "data")
    assert ([clip.text for clip in result.clips], result.format) == (["Hello there"], "kaldi")
    assert [one.reason for one in result.notes] == ["rows_moved"]
