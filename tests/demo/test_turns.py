"""Runs take their turns in the order in which they were asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core import runs
from core.dataset import Clip, LabelledSet
from core.events import Entered, Failed
from core.files import home, write_json
from core.recipe import Recipe
from core.runs import Request, Run
from demo.turns import Turns


@pytest.fixture
def three(tmp_path: Path) -> list[Run]:
    request = Request("nowhere", LabelledSet("own", (Clip("a.flac", "a"),), "en"), (), (), Recipe())
    return [runs.create(tmp_path / name, request) for name in "cab"]


def test_the_first_that_is_not_over_is_next(three: list[Run], tmp_path: Path) -> None:
    turns = Turns(tmp_path / "turns")
    for run in three:
        turns.join(run)
    assert [turns.is_next(run) for run in three] == [True, False, False]
    with three[0].lock():
        three[0].append(Entered("loading"))
        assert [turns.is_next(run) for run in three] == [True, False, False]
    assert turns.is_next(three[1])  # the first has died
    three[1].append(Failed("stopped_early", "Stopped before it began.", {}))
    assert turns.is_next(three[2])
    write_json(three[2].folder / "result.json", {})
    assert turns.is_next(three[2])
    assert len(list((tmp_path / "turns").iterdir())) == 1  # the others' were taken away


def test_what_never_joined_or_is_gone_holds_nobody_up(three: list[Run], tmp_path: Path) -> None:
    turns = Turns(tmp_path / "turns")
    assert turns.is_next(three[0])
    turns.join(three[1])
    (three[1].folder / "request.json").unlink()
    turns.join(three[2])
    assert turns.is_next(three[2])


def test_workers_started_in_another_order_keep_to_it(three: list[Run]) -> None:
    """Each run fails as soon as it is carried out, so the order in which they end is that of their turns."""
    turns = Turns(home() / "turns")
    for run in three:
        turns.join(run)
    workers = [subprocess.Popen([sys.executable, "-m", "demo.worker", str(run.folder)]) for run in reversed(three)]
    assert [process.wait(120) for process in workers] == [1, 1, 1]
    ended = [(run.folder / "events.jsonl").stat().st_mtime_ns for run in three]
    assert ended == sorted(ended)
