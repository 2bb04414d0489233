"""Runs take turns in the order in which they were asked for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from core.data.clips.labelled_set import Clip, LabelledSet
from core.runs import run_folder
from core.runs.job_folder import SETTLED_STEPS, Expected
from core.runs.request import Request
from core.runs.run_folder import Run
from core.storage.files import home, write_json
from core.training.events import Entered, Failed, Stepped
from core.training.recipe import Recipe
from demo.background.job_processes import LOOK_SECONDS, Jobs
from demo.background.queue import JobQueue
from demo.show.waiting import NOBODY, Ahead


@pytest.fixture
def three(tmp_path: Path) -> list[Run]:
    request = Request("nowhere", LabelledSet("own", (Clip("a.flac", "a"),), "en"), (), (), Recipe())
    return [run_folder.create(tmp_path / name, request) for name in "cab"]


def test_the_first_that_is_not_over_is_next(three: list[Run], tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "turns")
    for run in three:
        queue.join(run)
    assert [queue.is_next(run) for run in three] == [True, False, False]
    with three[0].lock():
        three[0].append(Entered("loading"))
        assert [queue.is_next(run) for run in three] == [True, False, False]
    assert queue.is_next(three[1])  # the first has died
    three[1].append(Failed("stopped_early", "Stopped before it began.", {}))
    assert queue.is_next(three[2])
    write_json(three[2].folder / "result.json", {})
    assert queue.is_next(three[2])
    assert len(list((tmp_path / "turns").iterdir())) == 1  # the others' were taken away


def test_what_never_joined_or_is_gone_holds_nobody_up(three: list[Run], tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "turns")
    assert queue.is_next(three[0])
    queue.join(three[1])
    (three[1].folder / "request.json").unlink()
    queue.join(three[2])
    assert queue.is_next(three[2])


def test_a_clock_set_back_changes_no_order(three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = JobQueue(tmp_path / "turns")
    for run, now in zip(three, (3, 2, 1), strict=True):
        monkeypatch.setattr(time, "time_ns", lambda now=now: now * 10**18)
        monkeypatch.setattr(time, "time", lambda now=now: now * 1e9)
        queue.join(run)
    monkeypatch.undo()
    assert [queue.is_next(run) for run in three] == [True, False, False]
    three[0].append(Failed("stopped_early", "Stopped before it began.", {}))
    assert [queue.is_next(run) for run in three[1:]] == [True, False]


def test_a_job_that_died_while_the_clock_was_ahead_holds_nobody_up(three: list[Run], tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "turns")
    queue.join(three[0])
    ahead = time.time() + 86_400
    os.utime(three[0].folder / "request.json", (ahead, ahead))
    queue.join(three[1])
    assert queue.is_next(three[1])


def test_all_that_join_at_once_are_in_before_who_comes_later(three: list[Run], tmp_path: Path) -> None:
    queue, late = JobQueue(tmp_path / "turns"), three.pop()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(queue.join, three * 8))
    queue.join(late)
    waiting = [path.read_text() for path in queue._waiting()]
    assert sorted(waiting) == sorted([str(run.folder) for run in three * 8] + [str(late.folder)])
    assert waiting[-1] == str(late.folder)


def test_the_queue_of_an_earlier_version_goes_on(three: list[Run], tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "turns")
    (tmp_path / "turns").mkdir()
    (tmp_path / "turns" / "01764489600000000000").write_text(str(three[0].folder))
    queue.join(three[1])
    assert [queue.is_next(run) for run in three[:2]] == [True, False]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"\0", b"relative", b"/", b"/nowhere/at/all", b"x" * 100_000])
def test_a_damaged_file_holds_nobody_up(content: bytes, three: list[Run], tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "turns")
    (tmp_path / "turns").mkdir()
    for name in ("0", "1-0f", "00000000000000000002"):
        (tmp_path / "turns" / name).write_bytes(content)
    queue.join(three[0])
    assert queue.is_next(three[0])
    assert len(list((tmp_path / "turns").iterdir())) == 1


def test_what_is_no_file_of_the_queue_is_passed_over(three: list[Run], tmp_path: Path) -> None:
    queue = JobQueue(tmp_path / "turns")
    (tmp_path / "turns" / "0").mkdir(parents=True)
    for name in ("9 of clubs", "\u0663", ".0-half", "notes.txt", "8" * 41):
        (tmp_path / "turns" / name).write_text(str(three[1].folder))
    (tmp_path / "turns" / "1").symlink_to("/nowhere/at/all")
    queue.join(three[0])
    assert queue.is_next(three[0])
    assert len(list((tmp_path / "turns").iterdir())) == 8  # nothing of it is the queue's to delete


def test_a_name_with_stray_bytes_is_found_again(three: list[Run], tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"stray \xff")
    try:
        run = run_folder.create(folder, three[0].request())
    except OSError:
        pytest.skip("this file system takes no such name")
    queue = JobQueue(tmp_path / "turns")
    queue.join(run)
    queue.join(three[0])
    assert [queue.is_next(one) for one in (run, three[0])] == [True, False]


def test_place_and_time_are_counted_across_all(three: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    now = [0.0]
    jobs, queue = Jobs(lambda: now[0]), JobQueue(tmp_path / "home" / "turns")
    assert jobs.ahead() == NOBODY
    for run, seconds in zip(three, (60.0, 40.0, None), strict=True):
        queue.join(run)
        run.expect(Expected(seconds, 5.0))
    assert jobs.ahead() == NOBODY  # read a moment ago
    now[0] += LOOK_SECONDS
    assert [jobs.ahead(run) for run in three] == [NOBODY, Ahead(1, 60.0), Ahead(2, 100.0)]
    assert jobs.ahead() == Ahead(3, None)  # how long the last one takes is not known
    with three[0].lock():
        three[0].append(Stepped(SETTLED_STEPS, 1.0, 0.0, 2.0, 8.0))
        now[0] += LOOK_SECONDS
        left = jobs.ahead(three[1])
        assert (left.jobs, left.seconds) == (1, pytest.approx(13.0, abs=1.0))
    now[0] += LOOK_SECONDS
    assert jobs.ahead(three[1]) == NOBODY  # the first has died
    assert len(list((tmp_path / "home" / "turns").iterdir())) == 3  # looking takes nothing away
    three[1].append(Failed("stopped_early", "Stopped before it began.", {}))
    assert Jobs().ahead(three[2]) == NOBODY  # a server that was just started reads the same queue


def test_workers_started_in_another_order_keep_to_it(three: list[Run]) -> None:
    """Each run fails as soon as it is carried out, so the order in which they end is that of the queue."""
    queue = JobQueue(home() / "turns")
    for run in three:
        queue.join(run)
    workers = [subprocess.Popen([sys.executable, "-m", "demo.background.worker", str(run.folder)]) for run in reversed(three)]
    assert [process.wait(120) for process in workers] == [1, 1, 1]
    ended = [(run.folder / "events.jsonl").stat().st_mtime_ns for run in three]
    assert ended == sorted(ended)
