"""State files read back: held against a type, kept aside where they are damaged."""

from __future__ import annotations

import dataclasses
import json
import os
import time
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import pytest

from core.storage.files import append_json_line, write_json
from core.storage.state import KEPT, MAX_CHARACTERS, Damaged, fits, lock, read_checked, read_fields, read_lines


@dataclasses.dataclass(frozen=True)
class Inner:
    name: str
    share: float = 0.5


@dataclasses.dataclass(frozen=True)
class Outer:
    kind: Literal["one", "two"] = "one"
    count: int = 0
    whole: bool = False
    inner: Inner | None = None
    pairs: tuple[tuple[str, float], ...] = ()
    named: dict[str, Inner] = dataclasses.field(default_factory=dict)


class Typed(TypedDict):
    needed: str
    other: NotRequired[list[int]]


FITTING: list[tuple[Any, Any]] = [
    (7, int), (7, float), (0.5, float), ("", str), (None, None), (True, bool), ([1, 2], list[int]), ([], list[int]),
    ([["a", 1.0]], tuple[tuple[str, float], ...]), ({"a": 1}, dict[str, int]), ({"needed": "a"}, Typed),
    ({"needed": "a", "other": [1], "later": None}, Typed), ({}, Outer), ({"inner": {"name": "a"}, "later": 1}, Outer),
    ({"kind": "two", "inner": None, "pairs": [["a", 1]], "named": {"b": {"name": "c", "share": 1}}}, Outer), ([[]], Any),
]  # fmt: skip
OTHER: list[tuple[Any, Any]] = [
    (True, int), (0.5, int), (10**400, int), (10**400, float), (float("nan"), float), (float("inf"), float), (True, float),
    ("7", int), (7, str), ("x" * (MAX_CHARACTERS + 1), str), (0, bool), (0, None), ([1, "2"], list[int]), ({}, list[int]),
    ("ab", list[str]), ([["a"]], tuple[tuple[str, float], ...]), ([["a", 1.0, 2.0]], tuple[tuple[str, float], ...]),
    ({"a": "1"}, dict[str, int]), ([], dict[str, int]), ({}, Typed), ({"needed": 7}, Typed),
    ({"needed": "a", "other": None}, Typed), ([], Outer), (None, Outer), ({"kind": "three"}, Outer),
    ({"kind": []}, Outer), ({"count": 1.0}, Outer), ({"whole": 1}, Outer), ({"inner": {}}, Outer),
    ({"inner": {"name": "a", "share": "b"}}, Outer), ({"named": {"b": {}}}, Outer),
]  # fmt: skip


@pytest.mark.parametrize(("value", "kind"), FITTING)
def test_what_is_of_a_type(value: Any, kind: Any) -> None:
    assert fits(value, kind)


@pytest.mark.parametrize(("value", "kind"), OTHER)
def test_what_is_of_another(value: Any, kind: Any) -> None:
    assert not fits(value, kind)


DAMAGED = [b"", b"{", b"[]", b"7", b"null", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 5_000, b"{}{}"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_is_no_state_and_is_kept(content: bytes, tmp_path: Path) -> None:
    path, told = tmp_path / "a.json", []
    path.write_bytes(content)
    with pytest.raises(Damaged):
        read_checked(path, dict[str, int])
    for _ in range(3):
        assert read_fields(path, Outer, lambda *both: told.append(both)) == {}
    ((damaged, kept),) = told  # told once, however often it is read
    assert damaged == path
    assert kept.parent == tmp_path
    assert kept.name.startswith("a.damaged-")
    assert kept.suffix == ".json"
    assert kept.read_bytes() == path.read_bytes() == content
    write_json(path, {"count": 3})
    assert read_fields(path, Outer, lambda *both: told.append(both)) == {"count": 3}
    path.write_bytes(content)
    os.utime(path, (time.time() + 60,) * 2)  # damaged again, later
    read_fields(path, Outer, lambda *both: told.append(both))
    assert len(told) == 2


def test_what_is_whole_of_an_object_is_kept(tmp_path: Path) -> None:
    path, told = tmp_path / "a.json", []
    write_json(path, {"kind": "two", "count": "three", "whole": True, "inner": [], "later": object.__name__})
    assert read_fields(path, Outer, lambda *both: told.append(both)) == {"kind": "two", "whole": True}
    assert len(told) == 1


def test_what_is_missing_is_no_damage(tmp_path: Path) -> None:
    def never(*_: Path) -> None:
        raise AssertionError

    assert read_fields(tmp_path / "a.json", Outer, never) == {}
    (tmp_path / "a.json").symlink_to(tmp_path / "nowhere")
    assert read_fields(tmp_path / "a.json", Outer, never) == {}
    write_json(tmp_path / "b.json", {"later": 1})
    assert read_fields(tmp_path / "b.json", Outer, never) == {}
    assert read_lines(tmp_path / "c.jsonl", int, never) == []
    with pytest.raises(FileNotFoundError):
        read_checked(tmp_path / "c.json", int)


@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_a_folder_in_its_place_is_moved(name: str, tmp_path: Path) -> None:
    path, told = tmp_path / name, []
    (path / "inside").mkdir(parents=True)
    if name == "a.json":
        assert read_fields(path, Outer, lambda *both: told.append(both)) == {}
        write_json(path, {"count": 1})
    else:
        assert read_lines(path, int, lambda *both: told.append(both)) == []
        append_json_line(path, 1)
    ((_, kept),) = told
    assert (kept / "inside").is_dir()
    assert path.is_file()


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for number in range(KEPT + 4):
        path.write_text(f"damaged {number}")
        os.utime(path, (1000 + number,) * 2)
        read_fields(path, Outer, lambda *_: None)
    kept = sorted(one.read_text() for one in tmp_path.glob("a.damaged-*"))
    assert kept == [f"damaged {number}" for number in range(4, KEPT + 4)]


def number(value: Any) -> int:
    return value["i"]


def test_lines_that_are_whole_are_read_and_the_others_kept(tmp_path: Path) -> None:
    path, told = tmp_path / "log.jsonl", []
    bad = [b"{", b"7", b"null", b"[]", b"\xff", b"[" * 100_000, b'{"j": 1}']
    path.write_bytes(b"\n".join([b'{"i": 0}', *bad, b"", b'{"i": 1}', b""]))
    for _ in range(2):
        assert read_lines(path, number, lambda *both: told.append(both)) == [0, 1]
    append_json_line(path, {"i": 2})
    assert read_lines(path, number, lambda *both: told.append(both)) == [0, 1, 2]
    ((_, kept),) = told
    assert kept.read_bytes() == b"".join(line + b"\n" for line in bad)


def test_a_line_that_is_being_written_is_no_damage_and_one_that_stays_is(tmp_path: Path) -> None:
    path, told = tmp_path / "log.jsonl", []
    path.write_bytes(b'{"i": 0}\n{"i": ')
    assert read_lines(path, number, lambda *both: told.append(both)) == [0]
    assert told == []
    os.utime(path, (1000, 1000))
    assert read_lines(path, number, lambda *both: told.append(both)) == [0]
    assert len(told) == 1


def test_a_disk_without_room_for_the_damaged_copy_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    path, told = tmp_path / "a.json", []
    path.write_bytes(b"{")
    monkeypatch.setattr(os, "fsync", full)
    assert read_fields(path, Outer, lambda *both: told.append(both)) == {}
    assert told == []
    assert path.read_bytes() == b"{"


@pytest.mark.parametrize("how", ["folder", "link"])
def test_a_lock_is_had_whatever_has_its_name(how: str, tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    if how == "folder":
        (path / "inside").mkdir(parents=True)
    else:
        path.symlink_to("/nowhere/at/all")
    with lock(path).acquire(timeout=0):
        assert path.is_file()


def test_two_values_that_python_holds_equal_are_not_of_one_type(tmp_path: Path) -> None:
    assert json.loads("1") == True  # noqa: E712 which is why a Literal looks at the type too
    assert not fits(1, Literal[True])
