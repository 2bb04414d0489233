"""How a job stands, told from its folder alone. What a run adds is in test_runs.py."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.runs.job_folder import SETTLED_STEPS, STARTING_SECONDS, Expected, Job
from core.storage.files import write_json
from core.training.events import Advanced, Entered, Evaluated, Event, Failed, Finished, Noticed, Prepared, Stepped


@pytest.fixture
def job(tmp_path: Path) -> Job:
    write_json(tmp_path / "request.json", {"kind": "ladder"})
    return Job(tmp_path)


def test_its_kind(job: Job) -> None:
    assert job.kind == "ladder"
    write_json(job.folder / "request.json", {"model": "m"})  # of a run, which says nothing
    assert job.kind == "run"


def test_from_waiting_to_done(job: Job) -> None:
    assert job.state() == "waiting"
    with job.lock():
        assert job.state() == "waiting"
        job.append(Entered("rungs", 4))
        assert job.state() == "running"
        job.append(Finished(2.0))
        write_json(job.folder / "result.json", {"rows": []})
        assert job.state() == "done"
    assert job.result() == {"rows": []}


def test_what_ended_early(job: Job) -> None:
    job.append(Entered("rungs", 4))
    assert job.state() == "interrupted"
    job.append(Failed("job_stopped", "Stopped.", {}))
    assert job.state() == "failed"


def test_what_never_began(job: Job) -> None:
    long_ago = time.time() - STARTING_SECONDS - 5
    os.utime(job.folder / "request.json", (long_ago, long_ago))
    assert job.state() == "interrupted"


def test_asking_to_stop(job: Job) -> None:
    assert not job.should_stop()
    job.ask_to_stop()
    assert job.should_stop()


STEPPED, NOTICED = Stepped(SETTLED_STEPS, 1.0, 0.0, 5.0, 10.0), Noticed("patience", "No improvement.", {})


@pytest.mark.parametrize(
    ("happened", "expected", "left"),
    [
        ([], None, None),
        ([], Expected(60.0, 15.0), 60.0),
        ([Entered("loading")], Expected(60.0, 15.0), 60.0),
        ([Entered("loading")], None, None),
        ([Entered("training", 3), STEPPED, NOTICED], Expected(60.0, 15.0), 25.0),
        ([Entered("training", 3), STEPPED], None, 10.0),
        ([Entered("training", 3), Stepped(1, 1.0, 0.0, 5.0, 900.0)], Expected(60.0, 15.0), 40.0),
        ([Entered("base", 9), Entered("training", 3)], Expected(60.0, 15.0), 45.0),
        ([Entered("training", 3), Prepared(3, 0.1, 9, 1, 2, 2.0)], Expected(60.0, 15.0), 43.0),
        ([Entered("training", 3), Evaluated(0, None, None, 0, "", "", 4.0)], Expected(60.0, 15.0), 41.0),
        ([STEPPED, Evaluated(9, None, None, 0, "", "", 4.0)], Expected(60.0, 15.0), 25.0),
        ([STEPPED, Entered("saving"), Entered("adapted", 5)], Expected(60.0, 15.0), 15.0),
        ([STEPPED, Entered("saving")], None, None),
        ([Entered("rungs", 4), Advanced(1.5, 4, 30.0)], Expected(60.0), 30.0),
    ],
)
def test_what_is_left_of_a_job(happened: list[Event], expected: Expected | None, left: float | None, job: Job) -> None:
    if expected is not None:
        job.expect(expected)
    for event in happened:
        job.append(event)
    assert job.remaining() == (None if left is None else pytest.approx(left, abs=1.0))
    if happened and left is not None:
        ago = time.time() - 4
        os.utime(job.folder / "events.jsonl", (ago, ago))
        assert job.remaining() == pytest.approx(left - 4, abs=1.0)
        os.utime(job.folder / "events.jsonl", (0, 0))
        assert job.remaining() == 0.0


@pytest.mark.parametrize("content", ["", "[]", '{"seconds": "x"}', '{"seconds": 1e999}', "\x00"])
def test_a_damaged_forecast_is_none(content: str, job: Job) -> None:
    (job.folder / "forecast.json").write_text(content)
    assert job.remaining() is None
