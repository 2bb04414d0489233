"""How much data it takes: what the panel says at every stage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.errors import RunError
from core.runs.ladder import RungResult, learning_curve
from core.training.events import Failed
from core.training.recipe import Recipe
from demo.background.forecast_cache import Forecasts
from demo.background.model_pool import ModelPool
from demo.session.session import Session
from demo.show.waiting import Ahead
from demo.steps.adapt import handlers, settings
from demo.steps.adapt.handlers import AdaptHandlers
from demo.steps.adapt.ladder import show
from demo.steps.adapt.ladder.handlers import LadderHandlers
from demo.wording import Wording
from tests.demo.steps.started import Started

LANGUAGES = [Wording("en"), Wording("zh-CN")]
W = LANGUAGES[0]
RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=1)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy computer takes longer; what a test measures may."""
    for name in ("LATE_SECONDS", "MEASURING_SECONDS"):
        monkeypatch.setattr(handlers, name, 600.0)


@pytest.fixture
def session(tmp_path: Path, tiny_ctc: Path) -> Session:
    made = Session(tmp_path / "session", local=True)
    made.choose(model=str(tiny_ctc))
    return made


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
    shown = show.result(curve, 0.8, wanted, True, w)
    beginning = w(key, wer="{wer}", more="{more}", low="{low}", high="{high}", clips="{clips}", floor="{floor}").split("{")[0]
    assert beginning.replace(" %", "\u00a0%") in shown
    gain = w("ladder.gain", base="80", last="last", clips=40, few=5, share="").split("last")[0]
    assert gain.replace(" %", "\u00a0%") in shown
    assert shown.count("<tr>") == 6  # a head, the base, four sizes
    assert 'class="band second"' in shown
    assert "1907.13511" in shown


def test_half_a_ladder_says_nothing_of_its_curve() -> None:
    assert show.result(learning_curve([]), None, 0.1, False, W) == ""
    half = show.result(learning_curve(rows()[:5]), 0.8, 0.1, False, W)
    assert "verdict" not in half
    assert "band" not in half
    assert half.count("<tr>") == 4
    refused = show.result(learning_curve(rows(repeats=2)), 0.8, 0.1, True, W)
    assert W("ladder.too_few_repeats") in refused


def test_a_ladder_from_the_page(session: Session) -> None:
    jobs = Started()
    climbing = LadderHandlers(W, jobs, AdaptHandlers(W, ModelPool(), jobs, Forecasts()))
    given = {**settings.values(RECIPE), "suits": "ctc", "seed": 7}
    shown = climbing.look(session, None)
    assert (shown["progress"], shown["result"]) == ("", "")
    assert (shown["start"]["interactive"], shown["stop"]["interactive"], shown["timer"]["active"]) == (True, False, False)
    told = climbing.forecast(session, **given)["forecast"]
    assert "12 short fine-tunes, with 5, 10, 20, 36 clips: about" in told
    shown = climbing.start(session, **given, target=None)
    assert 'data-state="waiting"' in shown["progress"]
    assert (shown["start"]["interactive"], shown["stop"]["interactive"], shown["timer"]["active"]) == (False, True, True)
    assert climbing.look(session, None, shown["seen"]) == {}
    (job,) = jobs.jobs
    assert job.remaining() is not None
    assert session.ladder() == job
    assert (job.request().seed, job.request().recipe) == (7, RECIPE)
    with pytest.raises(RunError, match="Wait for it"):
        climbing.start(session, **given, target=None)
    climbing.stop(session, None)
    assert job.should_stop()
    job.append(Failed("job_stopped", "Stopped.", {}))
    climbing.start(session, **given, target=None)  # goes on where it was
    assert jobs.jobs == [job, job]
    assert not job.should_stop()
    job.append(Failed("job_stopped", "Stopped.", {}))
    climbing.start(session, **{**given, "seed": 8}, target=None)
    assert session.ladder() != job


def test_a_ladder_says_what_is_missing_and_that_its_time_comes_later(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Started()
    climbing = LadderHandlers(W, jobs, AdaptHandlers(W, ModelPool(), jobs, Forecasts()))
    given = {**settings.values(RECIPE), "suits": "ctc", "seed": 7}
    session.choose(labelled_set="own")
    assert not climbing.look(session, None)["start"]["interactive"]
    assert not climbing.ready(session)["start"]["interactive"]
    for shown in (climbing.forecasting(session), climbing.forecast(session, **given)):
        assert "no clips of your own yet" in shown["forecast"]
    session.choose(labelled_set="accent")
    assert climbing.forecasting(session)["start"]["interactive"]
    assert climbing.ready(session)["start"]["interactive"]
    monkeypatch.setattr(handlers, "MEASURING_SECONDS", -1.0)
    assert (
        "12 short fine-tunes, with 5, 10, 20, 36 clips. The time will be known"
        in climbing.forecast(session, **given)["forecast"]
    )
    jobs.is_ahead = Ahead(1, None)
    assert "2nd in the queue" in climbing.start(session, **given, target=None)["progress"]
    assert not climbing.ready(session)["start"]["interactive"]
