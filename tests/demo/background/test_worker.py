"""What a worker says of a job that failed."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from safetensors import SafetensorError

from core.data.clips.labelled_set import Clip, LabelledSet
from core.runs import run_folder
from core.runs.job_folder import Job
from core.runs.request import Request
from core.runs.run_folder import Run
from core.training.events import Failed
from core.training.recipe import Recipe
from demo.background import worker
from demo.show import errors
from demo.wording import LANGUAGES, Wording


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path / "home"))
    clips = (Clip("a.flac", "a"),)
    return run_folder.create(tmp_path / "run", Request("nowhere", LabelledSet("own", clips, "en"), (), (), Recipe()))


def fail(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def failing(job: Job) -> None:
        raise error

    monkeypatch.setattr(worker, "_steps", failing)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"), "disk_full"),
        (Exception("No space left on device (os error 28)"), "disk_full"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full"),
        (OSError(errno.EACCES, "Permission denied"), "disk"),
        (ValueError("a fault of its own"), "unexpected"),
    ],
)
def test_why_a_job_failed(error: Exception, reason: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    fail(monkeypatch, error)
    assert worker.main(run.folder) == 1
    (failed,) = run.events()
    assert isinstance(failed, Failed)
    assert failed.reason in (reason, f"{reason}_free")  # how much is free depends on the computer
    for language in LANGUAGES:
        w = Wording(language)
        shown = errors.reason(failed.reason, failed.details, "", w)
        assert shown == errors.explain(error, w) or failed.details  # by then something else may be free


def test_a_disk_without_room_for_a_last_word_ends_a_job_quietly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Job, event: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    fail(monkeypatch, OSError(errno.ENOSPC, "No space left on device"))
    monkeypatch.setattr(Job, "append", full)
    assert worker.main(run.folder) == 1
