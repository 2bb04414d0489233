"""Both models under harder conditions: what the panel says at every stage."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import RunError
from core.evaluation.robustness import CONDITIONS, ConditionResult, Line
from core.runs.run_folder import Run
from core.text.metrics import Interval
from core.training.events import Failed
from demo.session.session import Session
from demo.show.waiting import Ahead
from demo.steps.compare.robustness import show
from demo.steps.compare.robustness.handlers import RobustnessHandlers
from demo.wording import Wording
from tests.demo.steps.started import Started

LANGUAGES = [Wording("en"), Wording("zh-CN")]
W = LANGUAGES[0]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session", local=True)


def point(condition: str, base: float, adapted: float, reach: float) -> ConditionResult:
    change = adapted - base
    both = (Line(rate, max(0.0, rate - 0.1), rate + 0.1) for rate in (base, adapted))
    return ConditionResult(condition, *both, Interval(change, change - reach, change + reach, 0.5, 14, "sentences"), 14)


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
def test_conditions_are_counted_and_named(w: Wording) -> None:
    points = [point(condition, 0.6, 0.2, 0.1) for condition in CONDITIONS]
    shown = show.result(points, w)
    assert w("robustness.result", better=8, conditions=8) in shown
    assert "verdict good" in shown
    assert shown.count("data-condition") == 8
    assert shown.count('<rect class="dot second"') == 7  # six along the noise, one in the legend
    points[-1] = point("telephone", 0.2, 0.6, 0.1)
    points[1] = point("noise_20", 0.2, 0.2, 0.1)
    shown = show.result(points, w)
    assert w("robustness.result", better=6, conditions=8) + w("robustness.unclear", unclear=1) in shown
    assert w("robustness.worse", conditions=w("robustness.telephone")) in shown
    assert "verdict bad" in shown
    assert "<svg" not in show.result(points[:1], w)
    assert show.result([], w) == ""


def test_robustness_from_the_page(session: Session, own_run: Run) -> None:
    jobs = Started()
    enduring = RobustnessHandlers(W, jobs)
    shown = enduring.look(session)
    assert shown["panel"]["visible"] is True
    assert "2 clips, 8 conditions, both models: about" in shown["forecast"]
    assert shown["progress"] == ""
    shown = enduring.start(session)
    assert 'data-state="waiting"' in shown["progress"]
    assert (shown["start"]["interactive"], shown["stop"]["interactive"], shown["timer"]["active"]) == (False, True, True)
    assert enduring.look(session, shown["seen"]) == {}
    with jobs.jobs[0].lock(), pytest.raises(RunError, match="Wait for it"):
        enduring.start(session)
    enduring.stop(session)
    assert jobs.jobs[0].should_stop()


def test_without_a_run_there_is_no_panel(session: Session) -> None:
    jobs = Started()
    shown = RobustnessHandlers(W, jobs).look(session)
    assert (shown["panel"]["visible"], shown["start"]["interactive"]) == (False, False)
    with pytest.raises(RunError, match="no adapted model yet"):
        RobustnessHandlers(W, jobs).start(session)
    RobustnessHandlers(W, jobs).stop(session)
    assert not jobs.jobs


def test_a_measurement_says_how_long_it_takes_to_those_behind_it_and_what_is_missing(session: Session, own_run: Run) -> None:
    jobs = Started()
    enduring = RobustnessHandlers(W, jobs)
    assert enduring.look(session)["start"]["interactive"]
    jobs.is_ahead = Ahead(2, None)
    shown = enduring.start(session)
    assert "3rd in the queue" in shown["progress"]
    assert jobs.jobs[0].remaining() == pytest.approx(enduring.seconds(own_run.result()))
    jobs.is_ahead = Ahead(1, 7.0)
    assert "2nd in the queue: starts by itself in about 7 s." in enduring.look(session, shown["seen"])["progress"]
    jobs.jobs[0].append(Failed("job_stopped", "Stopped.", {}))
    shutil.rmtree(own_run.adapted)
    shown = enduring.look(session)
    assert W("missing.adapted") in shown["forecast"]
    assert not shown["start"]["interactive"]


def test_the_worker_carries_out_every_kind(session: Session, own_run: Run) -> None:
    jobs = Started()
    RobustnessHandlers(W, jobs).start(session)
    done = subprocess.run(
        [sys.executable, "-m", "demo.background.worker", str(jobs.jobs[0].folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    shown = RobustnessHandlers(W, jobs).look(session)
    assert 'data-state="done"' in shown["progress"]
    assert "telephone" in shown["result"]
