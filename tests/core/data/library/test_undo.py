"""Changes of a set that can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.library import undo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "clips.jsonl").write_text("0")
    return tmp_path


def change(folder: Path, text: str) -> None:
    undo.remember(folder)
    (folder / "clips.jsonl").write_text(text)


def test_changes_are_taken_back_one_after_the_other(folder: Path) -> None:
    assert undo.steps(folder) == 0
    assert undo.take_back(folder) is False
    for text in "123":
        change(folder, text)
    assert undo.steps(folder) == 3
    for text in "210":
        assert undo.take_back(folder) is True
        assert (folder / "clips.jsonl").read_text() == text
    assert undo.take_back(folder) is False


def test_no_more_than_some_are_kept(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undo, "STEPS", 3)
    for number in range(1, 8):
        change(folder, str(number))
    assert undo.steps(folder) == 3
    while undo.take_back(folder):
        pass
    assert (folder / "clips.jsonl").read_text() == "4"


def test_what_was_remembered_before_a_crash_is_passed_over(folder: Path) -> None:
    change(folder, "1")
    undo.remember(folder)  # and then the process died
    assert undo.take_back(folder) is True
    assert (folder / "clips.jsonl").read_text() == "0"


def test_other_files_are_left_alone(folder: Path) -> None:
    change(folder, "1")
    (folder / "history" / ".000002-x.jsonl").write_text("half written")
    assert undo.steps(folder) == 1
