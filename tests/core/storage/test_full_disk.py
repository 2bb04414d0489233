"""A full disk is called one, whatever a library makes of it."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError

from core.cli import main
from core.errors import AttuneError, RunError
from core.storage import full_disk

FULL = Path("/dev/full")  # takes nothing: every write to it finds the disk full
real = pytest.mark.skipif(not FULL.exists(), reason="only Linux has a file that is always full")


def python() -> None:
    with FULL.open("wb") as file:
        file.write(b"x" * 100_000)


def torch_file() -> None:
    with FULL.open("wb") as file:
        torch.save({"a": torch.zeros(100_000)}, file)


@real
@pytest.mark.parametrize("write", [python, torch_file])  # opened here: a library that renames its file would replace this one
def test_what_is_raised_on_a_full_disk_is_known(write: Callable[[], None]) -> None:
    with pytest.raises((OSError, RuntimeError)) as raised:
        write()
    assert full_disk.is_full(raised.value), repr(raised.value)


def caused(outer: Exception, cause: BaseException) -> Exception:
    outer.__cause__ = cause
    return outer


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), True),
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), True),
        (Exception("No space left on device (os error 28)"), True),  # of tokenizers
        (sqlite3.OperationalError("database or disk is full"), True),
        (RuntimeError("Data processing error: CAS service error : IO Error: No space left on device (os error 28)"), True),
        (caused(RuntimeError("unexpected pos 704 vs 598"), OSError(errno.ENOSPC, "No space left on device")), True),
        (OSError(errno.EFBIG, "File too large"), False),
        (OSError(errno.EACCES, "Permission denied"), False),
        (OSError("bz2 has no number"), False),
        (ValueError("the disk is fine"), False),
        (caused(ValueError("other"), KeyError("no")), False),
        (SafetensorError("Error while deserializing header: invalid header length"), False),
    ],
)
def test_which_errors_mean_it(error: Exception, full: bool, tmp_path: Path) -> None:
    assert full_disk.is_full(error) is full
    assert isinstance(full_disk.explained(error, tmp_path), AttuneError) is full


def test_what_was_dealt_with_counts_no_more() -> None:
    def failing() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError:
            raise ValueError("something else") from None

    with pytest.raises(ValueError, match="something else") as raised:
        failing()
    assert not full_disk.is_full(raised.value)


def test_an_error_that_says_what_is_wrong_stays(tmp_path: Path) -> None:
    error = caused(RunError("run_damaged", "A file is damaged."), OSError(errno.ENOSPC, "No space left on device"))
    assert full_disk.explained(error, tmp_path) is error


def test_causes_that_go_round_in_a_circle_end() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert not full_disk.is_full(one)


@pytest.mark.parametrize(("free", "reason"), [(3_000_000, "disk_full_free"), (10**12, "disk_full"), (None, "disk_full")])
def test_what_is_free_is_said_where_it_explains_anything(
    free: int | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(full_disk, "free", lambda folder: free)
    told = full_disk.explained(OSError(errno.ENOSPC, "No space left on device"), tmp_path)
    assert isinstance(told, AttuneError)
    assert told.reason == reason
    assert ("3.0 MB is free" in str(told)) == (reason == "disk_full_free")


def test_the_sentence_says_how_much_is_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_disk, "PLENTY_BYTES", 10**18)
    told = full_disk.explained(OSError(errno.ENOSPC, "No space left on device"), tmp_path / "not" / "there" / "yet")
    assert isinstance(told, AttuneError)
    assert told.reason == "disk_full_free"
    assert f"{told.details['free']} MB is free in {tmp_path}" in str(told)
    quota = full_disk.explained(OSError(errno.EDQUOT, "Disk quota exceeded"), tmp_path)
    assert isinstance(quota, AttuneError)
    assert quota.reason == "disk_full"  # what is free on the disk is not what is free to this user


def test_too_little_room_is_refused_before(tmp_path: Path) -> None:
    full_disk.refuse_full(tmp_path, 1)
    with pytest.raises(AttuneError, match="MB is needed") as raised:
        full_disk.refuse_full(tmp_path / "run", 10**18)
    assert raised.value.reason == "disk_needed"


def test_the_command_line_says_it_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object) -> int:
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("core.cli.report.run", failing)
    monkeypatch.setattr(full_disk, "PLENTY_BYTES", 10**18)
    assert main.main(["report", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("attune: The disk is full: ")
    assert str(tmp_path) in err
    assert "Free up space" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_file_that_grows_too_large_is_no_full_disk(tmp_path: Path) -> None:
    import resource
    import signal

    before, handled = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(OSError, match="too large") as raised:
            (tmp_path / "a").write_bytes(os.urandom(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handled)
    assert not full_disk.is_full(raised.value)
