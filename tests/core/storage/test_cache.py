"""What is kept on disk comes back whole or not at all, and stays within its budget."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.storage.cache import BLOCK_BYTES, FOLDER, DiskCache, key_of


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    return tmp_path / FOLDER / "things"


def test_what_is_written_is_read(folder: Path) -> None:
    cache = DiskCache("things")
    assert cache.read("a") is None
    cache.write("a", b"some bytes")
    assert cache.read("a").tobytes() == b"some bytes"
    assert DiskCache("things").read("a").tobytes() == b"some bytes"
    assert cache.read("b") is None


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1]), id="cut short"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes() + b"x"), id="longer"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes()[:-1] + b"!"), id="altered"),
        pytest.param(lambda path: path.write_bytes(b"something else altogether, of some length"), id="another file"),
        pytest.param(lambda path: path.unlink(), id="deleted"),
        pytest.param(lambda path: shutil.rmtree(path.parent), id="all deleted"),
    ],
)
def test_what_is_damaged_is_not_there_and_can_be_written_again(damage: Callable[[Path], object], folder: Path) -> None:
    cache = DiskCache("things")
    cache.write("a", b"some bytes")
    damage(folder / "a")
    assert cache.read("a") is None
    cache.write("a", b"other bytes")
    assert cache.read("a").tobytes() == b"other bytes"


def test_what_was_not_used_for_longest_goes_first(folder: Path) -> None:
    cache = DiskCache("things")
    for age, key in enumerate("abc"):
        cache.write(key, b"x" * 10)
        os.utime(folder / key, (1000 - age, 1000 - age))
    cache.read("c")  # used just now
    DiskCache("things", budget=2 * BLOCK_BYTES)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c"]


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.parent.parent.mkdir(exist_ok=True)
    folder.parent.write_text("a file where the folder should be")
    cache = DiskCache("things")
    cache.write("a", b"some bytes")
    assert cache.read("a") is None
    assert "was not cached" in caplog.text


def test_keys_tell_parts_apart() -> None:
    keys = [key_of(parts) for parts in (["ab"], ["a", "b"], [b"ab"], [1], ["1"], [1.0], [])]
    assert len(set(keys)) == len(keys)
    assert key_of(["a", 1]) == key_of(["a", 1])
