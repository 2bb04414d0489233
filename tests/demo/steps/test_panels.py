"""The ladder's, the robustness and the report's parts of the page: what they say at every stage, and to whom."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core.data.samples import read_sample
from core.errors import AttuneError, RunError
from core.evaluation.robustness import CONDITIONS, ConditionResult, Line
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.job import Job
from core.runs.ladder import RungResult, learning_curve
from core.runs.run_folder import Request, Run
from core.text.metrics import Interval
from core.training.events import Failed
from core.training.recipe import Recipe
from demo.background.forecasts import Forecasts
from demo.background.model_pool import ModelPool
from demo.session.session import Session
from demo.steps.adapt import settings
from demo.steps.adapt.handlers import AdaptHandlers
from demo.steps.adapt.ladder import show as climbs
from demo.steps.adapt.ladder.handlers import LadderHandlers
from demo.steps.compare.robustness import show as endurance
from demo.steps.compare.robustness.handlers import RobustnessHandlers
from demo.steps.take_home.handlers import ReportHandlers, write
from demo.wording import Wording

LANGUAGES = [Wording("en"), Wording("zh-CN")]
W = LANGUAGES[0]
RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=1, evaluations=1)


class Started:
    """Jobs that are written down and not started."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def start(self, job: Job) -> None:
        self.jobs.append(job)


@pytest.fixture
def session(tmp_path: Path, tiny_ctc: Path) -> Session:
    made = Session(tmp_path / "session", local=True)
    made.choose(model=str(tiny_ctc))
    return made


@pytest.fixture(scope="module")
def finished(tiny_ctc: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 2), ("validation", 1), ("test", 2)) for clip in whole.part(part)[:n])
    request = Request(str(tiny_ctc), dataclasses.replace(whole, clips=clips), (), (), RECIPE)
    run = run_folder.create(tmp_path_factory.mktemp("runs") / "one", request)
    list(execute(run))
    return run


@pytest.fixture
def own(finished: Run, session: Session) -> Run:
    """The finished run as the session's."""
    shutil.copytree(finished.folder, session.folder / "runs" / "one")
    session.choose(run="one", queue="one")
    return session.run("one")


def rows(floor: float = 0.1, repeats: int = 4) -> list[RungResult]:
    rng = np.random.default_rng(0)
    return [
        RungResult(n, repeat, floor + 0.8 * n**-0.6 + 0.004 * rng.standard_normal())
        for n in (5, 10, 20, 40)
        for repeat in range(repeats)
    ]


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
@pytest.mark.parametrize(
    ("wanted", "key"),
    [(0.16, "ladder.more"), (0.3, "ladder.reached"), (0.01, "ladder.below_floor"), (0.105, "ladder.too_far")],
)
def test_a_ladder_says_where_it_leads(wanted: float, key: str, w: Wording) -> None:
    curve = learning_curve(rows())
    shown = climbs.result(curve, 0.8, wanted, True, w)
    beginning = w(key, wer="{wer}", more="{more}", low="{low}", high="{high}", clips="{clips}", floor="{floor}").split("{")[0]
    assert beginning.replace(" %", "\u00a0%") in shown
    gain = w("ladder.gain", base="80", last="last", clips=40, few=5, share="").split("last")[0]
    assert gain.replace(" %", "\u00a0%") in shown
    assert shown.count("<tr>") == 6  # a head, the base, four sizes
    assert 'class="band second"' in shown
    assert "1907.13511" in shown


def test_half_a_ladder_says_nothing_of_its_curve() -> None:
    assert climbs.result(learning_curve([]), None, 0.1, False, W) == ""
    half = climbs.result(learning_curve(rows()[:5]), 0.8, 0.1, False, W)
    assert "verdict" not in half
    assert "band" not in half
    assert half.count("<tr>") == 4
    refused = climbs.result(learning_curve(rows(repeats=2)), 0.8, 0.1, True, W)
    assert W("ladder.too_few_repeats") in refused


def point(condition: str, base: float, adapted: float, reach: float) -> ConditionResult:
    change = adapted - base
    both = (Line(rate, max(0.0, rate - 0.1), rate + 0.1) for rate in (base, adapted))
    return ConditionResult(condition, *both, Interval(change, change - reach, change + reach, 0.5, 14, "sentences"), 14)


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
def test_conditions_are_counted_and_named(w: Wording) -> None:
    points = [point(condition, 0.6, 0.2, 0.1) for condition in CONDITIONS]
    shown = endurance.result(points, w)
    assert w("robustness.result", better=8, conditions=8) in shown
    assert "verdict good" in shown
    assert shown.count("data-condition") == 8
    assert shown.count('<rect class="dot second"') == 7  # six along the noise, one in the legend
    points[-1] = point("telephone", 0.2, 0.6, 0.1)
    points[1] = point("noise_20", 0.2, 0.2, 0.1)
    shown = endurance.result(points, w)
    assert w("robustness.result", better=6, conditions=8) + w("robustness.unclear", unclear=1) in shown
    assert w("robustness.worse", conditions=w("robustness.telephone")) in shown
    assert "verdict bad" in shown
    assert "<svg" not in endurance.result(points[:1], w)
    assert endurance.result([], w) == ""


def test_a_ladder_from_the_page(session: Session) -> None:
    jobs = Started()
    climbing = LadderHandlers(W, jobs, AdaptHandlers(W, ModelPool(), jobs, Forecasts()))
    given = [*settings.values(RECIPE), "ctc", 7]
    progress, result, start, stop, timer, seen = climbing.look(session, "", None)
    assert (progress, result, start["interactive"], stop["interactive"], timer["active"]) == ("", "", True, False, False)
    (told,) = climbing.forecast(session, *given)
    assert "12 short fine-tunes, with 5, 10, 20, 36 clips: about" in told
    progress, _, start, stop, timer, seen = climbing.start(session, *given, None)
    assert 'data-state="waiting"' in progress
    assert (start["interactive"], stop["interactive"], timer["active"]) == (False, True, True)
    assert all(value == {"__type__": "update"} for value in climbing.look(session, seen, None))
    (job,) = jobs.jobs
    assert session.ladder() == job
    assert (job.request().seed, job.request().recipe) == (7, settings.recipe_of(given[:-2]))
    with pytest.raises(RunError, match="Wait for it"):
        climbing.start(session, *given, None)
    climbing.stop(session, None)
    assert job.should_stop()
    job.append(Failed("job_stopped", "Stopped.", {}))
    climbing.start(session, *given, None)  # goes on where it was
    assert jobs.jobs == [job, job]
    assert not job.should_stop()
    job.append(Failed("job_stopped", "Stopped.", {}))
    climbing.start(session, *given[:-1], 8, None)
    assert session.ladder() != job


def test_robustness_from_the_page(session: Session, finished: Run, own: Run) -> None:
    jobs = Started()
    enduring = RobustnessHandlers(W, jobs)
    panel, forecast, progress, *_ = enduring.look(session, "")
    assert panel["visible"] is True
    assert "2 clips under 8 conditions, by both models: about" in forecast
    assert progress == ""
    _, _, progress, _, start, stop, timer, seen = enduring.start(session)
    assert 'data-state="waiting"' in progress
    assert (start["interactive"], stop["interactive"], timer["active"]) == (False, True, True)
    assert all(value == {"__type__": "update"} for value in enduring.look(session, seen))
    with jobs.jobs[0].lock(), pytest.raises(RunError, match="Wait for it"):
        enduring.start(session)
    enduring.stop(session)
    assert jobs.jobs[0].should_stop()


def test_without_a_run_there_is_neither_robustness_nor_report(session: Session) -> None:
    jobs = Started()
    panel, *_ = RobustnessHandlers(W, jobs).look(session, "")
    assert panel["visible"] is False
    with pytest.raises(RunError, match="no adapted model yet"):
        RobustnessHandlers(W, jobs).start(session)
    RobustnessHandlers(W, jobs).stop(session)
    assert ReportHandlers(W).links(session) == ("",)


def test_the_worker_carries_out_every_kind(session: Session, own: Run) -> None:
    jobs = Started()
    RobustnessHandlers(W, jobs).start(session)
    done = subprocess.run(
        [sys.executable, "-m", "demo.background.worker", str(jobs.jobs[0].folder)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    shown = RobustnessHandlers(W, jobs).look(session, "")
    assert 'data-state="done"' in shown[2]
    assert "telephone" in shown[3]


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
def test_the_report_speaks_the_pages_language(w: Wording, session: Session, own: Run) -> None:
    (links,) = ReportHandlers(w).links(session)
    for kind in ("html", "md", "json"):
        assert f"/report/one/{w.language}/report.{kind}" in links
        assert write(session, "one", w.language, kind).is_file()
    page = write(session, "one", w.language, "html").read_text(encoding="utf-8")
    assert f'<html lang="{w.language}">' in page
    assert ("说的" in page) == (w.language == "zh-CN")
    assert f"attune finetune --again {own.folder}" in page
    assert own.result()["versions"]["processor"] in page


@pytest.mark.parametrize(
    ("id", "language", "kind"),
    [
        ("other", "en", "html"),
        ("../one", "en", "html"),
        ("one", "klingon", "html"),
        ("one", "en", "exe"),
        ("one", "..", "html"),
    ],
)
def test_no_other_file_is_handed_out(id: str, language: str, kind: str, session: Session, own: Run) -> None:
    with pytest.raises((AttuneError, KeyError)):
        write(session, id, language, kind)
