"""What the tests of steps share: a finished run of a browser's session."""

from __future__ import annotations

import shutil

import pytest

from core.runs.run_folder import Run
from demo.session.session import Session


@pytest.fixture
def own_run(finished_run: Run, session: Session) -> Run:
    """The finished run as the session's."""
    shutil.copytree(finished_run.folder, session.folder / "runs" / "one")
    session.choose(run="one", queue="one")
    return session.run("one")
