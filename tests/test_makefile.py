"""`make test` runs the browser tests too when another test fails, and says so at its end; what is installed is constrained."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PYTHON = """#!/bin/sh
case "$*" in
  *"not browser"*) echo others "$*" >> "$0.log"; exit {others} ;;
  *"-m browser"*) echo browser "$*" >> "$0.log"; exit {browser} ;;
esac
"""
NOTHING_LEFT = 5  # pytest's answer when no test was selected


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize(
    ("others", "browser", "passes"),
    [
        (0, 0, True),
        (1, 0, False),
        (0, 1, False),
        (1, 1, False),
        (2, NOTHING_LEFT, False),
        (NOTHING_LEFT, 0, True),
        (0, NOTHING_LEFT, True),
        (NOTHING_LEFT, NOTHING_LEFT, True),
    ],
)
def test_both_halves_run(others: int, browser: int, passes: bool, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(PYTHON.format(others=others, browser=browser))
    python.chmod(0o755)
    installed = "-o.venv/installed-test"  # the real environment is left alone
    command = ["make", installed, "test", f"BIN={tmp_path}", "ARGS=-k 'one or two'"]
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}  # of a make that runs this test
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is passes, done.stderr
    runs = [line.split() for line in (tmp_path / "python.log").read_text().splitlines()]
    assert [run[0] for run in runs] == ["others", "browser"]
    assert all(run[-4:] == ["-k", "one", "or", "two"] for run in runs)


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
@pytest.mark.parametrize("target", ["demo", "test", "check", "bench"])
def test_every_job_installs_what_constraints_txt_pins(target: str) -> None:
    command = ["make", "--dry-run", "--always-make", target, "PYTHON=python"]
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    installs = [line for line in done.stdout.splitlines() if "pip install" in line]
    assert len(installs) == (1 if target == "demo" else 2)
    assert all(" -c constraints.txt " in line for line in installs)
