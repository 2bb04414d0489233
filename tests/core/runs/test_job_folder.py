"""How a job stands, told from its folder alone. What a run adds is in test_runs.py."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.runs.job_folder import STARTING_SECONDS, Job
from core.storage.files import write_json
from core.training.events import Entered, Failed, Finished


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
