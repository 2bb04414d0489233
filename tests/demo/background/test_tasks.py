"""Background work: found again by its owner and kind, never done twice at once, its failures written down and shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import DatasetError
from demo.background.tasks import Task, Tasks
from demo.session.session import Session
from demo.show import presenters
from demo.wording import Wording


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session")


def ended(task: Task) -> Task:
    for _ in range(1000):
        if task.ended:
            return task
        time.sleep(0.01)
    raise AssertionError(task)


def test_a_second_start_joins_the_first_and_others_have_their_own(session: Session, tmp_path: Path) -> None:
    tasks, go_on = Tasks(), threading.Event()

    def work(task: Task) -> object:
        go_on.wait()
        return task.order

    first = tasks.start(session, "look", 1, work)
    assert tasks.start(Session(session.folder), "look", 2, work) is first
    others = [
        tasks.start(session, "import", 3, work),
        tasks.start(Session(tmp_path / "other"), "look", 4, work),
        tasks.start(None, "look", 5, work),
    ]
    assert tasks.is_running(session, "look")
    go_on.set()
    assert [ended(task).result for task in (first, *others)] == [1, 3, 4, 5]
    assert not tasks.is_running(session, "look")
    assert tasks.start(session, "look", 6, work) is not first
    assert ended(tasks.look(session, "look")).result == 6
    tasks.forget(session, "look")
    assert tasks.look(session, "look") is None


@pytest.mark.parametrize(
    ("error", "sentence", "written"),
    [
        (lambda: DatasetError("long_no_speech", "Nobody speaks in this recording."), "Nobody speaks", False),
        (lambda: OSError(28, "No space left on device"), "is full", True),
        (lambda: ZeroDivisionError("nobody foresaw it"), "Something went wrong", True),
    ],
)
def test_a_failure_is_a_sentence_and_an_unexpected_one_is_written_down_whole(
    error: Callable[[], Exception], sentence: str, written: bool, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    def work(task: Task) -> None:
        raise error()

    task = ended(Tasks().start(session, "transcribe", None, work))
    assert sentence in presenters.explain(task.error, Wording("en"))
    assert ("Traceback" in caplog.text) is written
    assert ("transcribe failed" in caplog.text) is written


def test_the_speed_is_that_of_what_was_done_since(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("demo.background.tasks.time.monotonic", lambda: now[0])
    task = Task(None)
    task.measure_from(40)
    task.progress(40, 100)
    assert task.remaining() is None
    now[0] += 4
    task.progress(60, 100)
    assert task.remaining() == pytest.approx(8.0)
    task.enter("writing")
    assert (task.done, task.total, task.remaining()) == (0, None, None)


def test_results_of_long_ago_are_let_go_and_what_is_going_on_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.background.tasks.RESULTS_KEPT", 2)
    tasks, go_on = Tasks(), threading.Event()
    going_on = tasks.start(None, "slow", None, lambda task: go_on.wait())
    people = [Session(tmp_path / str(n)) for n in range(4)]
    for person in people:
        ended(tasks.start(person, "look", None, lambda task: "report"))
    assert [tasks.look(person, "look") is not None for person in people] == [False, True, True, True]  # two, and the newest
    assert tasks.look(None, "slow") is going_on
    go_on.set()
