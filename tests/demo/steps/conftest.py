"""What the tests of steps share: a browser's session, and a run of it that has finished."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from core.data.samples import read_sample
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.request import Request
from core.runs.run_folder import Run
from core.training.recipe import Recipe
from demo.session.session import Session

RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=1, evaluations=1)


@pytest.fixture(scope="session")
def finished_run(tiny_ctc: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 2), ("validation", 1), ("test", 2)) for clip in whole.part(part)[:n])
    request = Request(str(tiny_ctc), dataclasses.replace(whole, clips=clips), (), (), RECIPE)
    run = run_folder.create(tmp_path_factory.mktemp("runs") / "one", request)
    list(execute(run))
    return run


@pytest.fixture
def own_run(finished_run: Run, session: Session) -> Run:
    """The finished run as the session's."""
    shutil.copytree(finished_run.folder, session.folder / "runs" / "one")
    session.choose(run="one", queue="one")
    return session.run("one")
