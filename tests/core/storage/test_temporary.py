"""What a killed process leaves is removed; what a running one holds, and what is nobody's leftover, stays."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.storage import temporary
from core.storage.files import replacing, whole_folder, write_json
from core.storage.temporary import FREE_SECONDS, MARK, UNKNOWN_SECONDS, discard, sweep, temporary_folder

ROOT = Path(__file__).parents[3]
WRITING = """
import sys
from contextlib import ExitStack
from pathlib import Path
from core.storage.files import replacing, whole_folder
from core.storage.temporary import temporary_folder

folder = Path(sys.argv[1])
with ExitStack() as stack:
    for made in (whole_folder(folder / "set"), temporary_folder(folder, "import"), replacing(folder / "report.html")):
        path = stack.enter_context(made)
        (path / "sound.flac" if path.is_dir() else path).write_bytes(b"half")
    print("written", flush=True)
    sys.stdin.read()
"""


@contextmanager
def writing(folder: Path) -> Iterator[subprocess.Popen]:
    """A process that has begun to write three things into a folder, and waits."""
    command = [sys.executable, "-c", WRITING, str(folder)]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "written\n"
        yield child
    finally:
        child.kill()
        child.communicate()


def left(folder: Path) -> list[Path]:
    return sorted(folder.rglob(f"{MARK}*"))


def aged(folder: Path, seconds: float) -> None:
    for path in left(folder):
        os.utime(path, (time.time() - seconds,) * 2)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
def test_a_killed_process_and_a_running_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    runs = home / "sessions" / "runs"
    runs.mkdir(parents=True)
    with writing(runs) as child:
        assert len(left(home)) == 3
        aged(home, 10 * UNKNOWN_SECONDS)
        assert sweep(home, deep=True) == 0
        child.kill()
        child.wait()
        assert len(left(home)) == 3
        assert sweep(home) == 0  # not below
        aged(home, FREE_SECONDS - 60)
        assert sweep(home, deep=True) == 0  # another computer's, perhaps
        aged(home, FREE_SECONDS + 60)
        assert sweep(home, deep=True) == 3
    assert not left(home)
    assert list(home.rglob("*")) == [home / "sessions", runs]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")
def test_the_same_place_is_swept_when_it_is_used_again(tmp_path: Path) -> None:
    with writing(tmp_path):
        pass
    aged(tmp_path, FREE_SECONDS + 60)
    with whole_folder(tmp_path / "set") as building:
        (building / "set.json").write_text("{}")
        assert left(tmp_path) == [building]
    assert [path.name for path in tmp_path.rglob("*")] == ["set", "set.json"]


def test_what_this_process_is_writing_stays(tmp_path: Path) -> None:
    with temporary_folder(tmp_path, "import") as work, replacing(tmp_path / "a.json") as file:
        file.write_text("{}")
        aged(tmp_path, FREE_SECONDS + 60)
        assert sweep(tmp_path) == 0
        assert work.is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_where_there_are_no_locks_age_alone_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*given: object) -> None:
        raise OSError(95, "Operation not supported")

    if os.name != "nt":
        monkeypatch.setattr(temporary.fcntl, "flock", without)
    with temporary_folder(tmp_path, "import") as work:
        aged(tmp_path, FREE_SECONDS + 60)
        assert sweep(tmp_path) == 0
        aged(tmp_path, UNKNOWN_SECONDS + 60)
        assert sweep(tmp_path) == 1
        assert not work.exists()
    write_json(tmp_path / "a.json", 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_nothing_else_is_touched(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in (".set-original", ".attune", "attune-set-12345678", ".report-abcdefgh.html"):
        (folder / name).mkdir()
        os.utime(folder / name, (0, 0))
    (folder / f"{MARK}import-12345678").symlink_to(outside)
    (folder / "linked").symlink_to(outside)
    assert sweep(folder, deep=True) == 0
    assert len(list(folder.iterdir())) == 6
    assert (outside / "mine.txt").read_text() == "mine"
    assert sweep(tmp_path / "missing") == 0


def test_discarding_does_not_wait_for_the_deletion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "imports" / "unpacked"
    (folder / "deep").mkdir(parents=True)
    may_delete = threading.Event()
    real = temporary.shutil.rmtree
    monkeypatch.setattr(temporary.shutil, "rmtree", lambda *given, **how: (may_delete.wait(60), real(*given, **how)))
    discard(folder, tmp_path)
    assert not folder.exists()
    waiting = left(tmp_path)
    assert len(waiting) == 1
    assert waiting[0].parent == tmp_path
    may_delete.set()
    for thread in threading.enumerate():
        if thread.name == "discard":
            thread.join(60)
    assert left(tmp_path) == []
    discard(folder)  # which is gone
