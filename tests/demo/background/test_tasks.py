"""Background work: found again by its owner and kind, never done twice at once, its failures written down and shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from core.errors import DatasetError
from demo.background.tasks import EVERYONE, Task, Tasks
from demo.show.errors import explain
from demo.wording import Wording


def ended(task: Task) -> Task:
    for _ in range(1000):
        if task.ended:
            return task
        time.sleep(0.01)
    raise AssertionError(task)


def test_a_second_start_joins_the_first_and_others_have_their_own() -> None:
    tasks, go_on = Tasks(), threading.Event()

    def work(task: Task) -> object:
        go_on.wait()
        return task.order

    first = tasks.start("me", "look", 1, work)
    assert tasks.start("me", "look", 2, work) is first
    others = [
        tasks.start("me", "import", 3, work),
        tasks.start("other", "look", 4, work),
        tasks.start(EVERYONE, "look", 5, work),
    ]
    assert tasks.is_running("me", "look")
    go_on.set()
    assert [ended(task).result for task in (first, *others)] == [1, 3, 4, 5]
    assert not tasks.is_running("me", "look")
    assert tasks.start("me", "look", 6, work) is not first
    assert ended(tasks.look("me", "look")).result == 6
    tasks.forget("me", "look")
    assert tasks.look("me", "look") is None


@pytest.mark.parametrize(
    ("error", "sentence", "written"),
    [
        (lambda: DatasetError("long_no_speech", "There is no speech in this recording."), "There is no speech", False),
        (lambda: OSError(28, "No space left on device"), "is full", True),
        (lambda: ZeroDivisionError("nobody foresaw it"), "Something went wrong", True),
    ],
)
def test_a_failure_is_a_sentence_and_an_unexpected_one_is_written_down_whole(
    error: Callable[[], Exception], sentence: str, written: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def work(task: Task) -> None:
        raise error()

    task = ended(Tasks().start("me", "transcribe", None, work))
    assert sentence in explain(task.error, Wording("en"))
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


def test_results_of_long_ago_are_let_go_and_what_is_going_on_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("demo.background.tasks.RESULTS_KEPT", 2)
    tasks, go_on = Tasks(), threading.Event()
    going_on = tasks.start(EVERYONE, "slow", None, lambda task: go_on.wait())
    people = [str(n) for n in range(4)]
    for person in people:
        ended(tasks.start(person, "look", None, lambda task: "report"))
    assert [tasks.look(person, "look") is not None for person in people] == [False, True, True, True]  # two, and the newest
    assert tasks.look(EVERYONE, "slow") is going_on
    go_on.set()
