"""Writing so that a crash costs at most the write in flight."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from core.storage import files
from core.storage.files import append_json_line, home, read_json, read_json_lines, replacing, sha256, write_json


def test_home_is_the_folder_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "a" / ".." / "b"))
    assert home() == tmp_path / "b"
    assert not home().exists()


@pytest.mark.parametrize(("value", "expected"), [(None, ".attune"), ("", ".attune"), ("~/kept", "kept"), ("~", ".")])
def test_home_is_below_the_users_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str | None, expected: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.delenv("ATTUNE_HOME")
    if value is not None:
        monkeypatch.setenv("ATTUNE_HOME", value)
    assert home() == tmp_path / expected


def test_home_may_be_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ATTUNE_HOME", "here")
    assert home() == tmp_path / "here"


def test_replacing_writes_a_new_file_and_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "a.txt"
    with replacing(path) as temporary:
        assert (temporary.parent, temporary.suffix) == (path.parent, ".txt")
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_replacing_swaps_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_replacing_leaves_the_old_file_when_the_body_raises(tmp_path: Path, error: type[BaseException]) -> None:
    def half_way() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error("half way")

    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(error, match="half way"):
        half_way()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_replacing_leaves_the_old_file_when_the_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    def write() -> None:
        with replacing(path) as temporary:
            temporary.write_text("new")

    path = tmp_path / "a.txt"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(*((files.os, "fsync") if step == "fsync" else (Path, "replace")), failing)
        with pytest.raises(OSError, match="Input/output"):
            write()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_write_json_swaps_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"text": "Größe", "list": [1, 2.5, None, True]})
    assert read_json(path) == {"text": "Größe", "list": [1, 2.5, None, True]}
    assert "Größe" in path.read_text(encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json(path, {"text": "new", "bad": object()})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_lines_are_read_in_order(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "log.jsonl"
    assert read_json_lines(path) == []
    for i in range(5):
        append_json_line(path, {"i": i})
        assert read_json_lines(path) == [{"i": j} for j in range(i + 1)]
    assert path.read_bytes().count(b"\n") == 5


@pytest.mark.parametrize(
    "text",
    [
        "Größe 好",
        "two\nlines\r\n",
        'quote " and \\ backslash',
        "line\u2028separator and paragraph\u2029separator",
        "next\x85line",
        "form\x0cfeed, file\x1cseparator",
        "nul\0",
        "lone \udcfc surrogate",
    ],
)
def test_any_text_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "log.jsonl"
    append_json_line(path, {"text": text})
    append_json_line(path, {"text": "next"})
    assert read_json_lines(path) == [{"text": text}, {"text": "next"}]


@pytest.mark.parametrize("torn", ['{"i": 1', '{"text": "Gr', "{", '{"text": "Größe"', "\x00\x00\x00"])
def test_a_torn_line_loses_only_itself(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "log.jsonl"
    append_json_line(path, {"i": 0})
    with path.open("ab") as file:
        file.write(torn.encode())
    assert read_json_lines(path) == [{"i": 0}]
    append_json_line(path, {"i": 2})
    append_json_line(path, {"i": 3})
    assert read_json_lines(path) == [{"i": 0}, {"i": 2}, {"i": 3}]


def test_a_line_whose_newline_alone_is_missing_counts(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"i": 0}')
    append_json_line(path, {"i": 1})
    assert read_json_lines(path) == [{"i": 0}, {"i": 1}]


def test_bytes_that_are_no_text_lose_only_their_line(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"i": 0}\n\xff\xfe\n{"i": 1}\n')
    assert read_json_lines(path) == [{"i": 0}, {"i": 1}]


def test_appending_waits_for_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.jsonl"
    flushed: list[bytes] = []

    def seen(handle: int) -> None:
        flushed.append(path.read_bytes())

    monkeypatch.setattr(files.os, "fsync", seen)
    append_json_line(path, [1])
    assert flushed == [b"[1]\n"]


@pytest.mark.parametrize("size", [0, 1, files.HASH_BLOCK_BYTES, files.HASH_BLOCK_BYTES + 1])
def test_sha256_is_that_of_all_bytes(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    assert sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_a_value_that_is_no_json_is_not_half_appended(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_json_line(path, {"i": 0})
    bad: Any = {"i": 1, "bad": object()}
    with pytest.raises(TypeError, match="not JSON serializable"):
        append_json_line(path, bad)
    assert path.read_bytes() == b'{"i": 0}\n'
