"""The slider writes a clip as the model at its place does, and at both ends what the run wrote."""

from __future__ import annotations

import dataclasses
import html
import re
import subprocess
import sys
from pathlib import Path

import pytest

from core.audio.sound_files import decode
from core.errors import RunError
from core.evaluation.selection import most_telling
from core.models.blend import blend
from core.runs.blend_job import BlendPoint, Counted
from core.runs.outcome import load_both
from core.runs.result import Result
from core.runs.run_folder import Run
from core.storage.files import read_json, write_json
from core.text.scoring import RULES
from core.training.recipe import Recipe
from demo.background import model_pool
from demo.background.model_pool import ModelPool
from demo.session.session import Session
from demo.steps.compare.between import show
from demo.steps.compare.between.curve_handlers import CurveHandlers
from demo.steps.compare.between.handlers import BetweenHandlers
from demo.wording import Wording
from tests.conftest import tone
from tests.demo.show.test_markup import result as made
from tests.demo.steps.started import Started

W = Wording("en")


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "visitor")


def test_the_model_at_a_place_is_the_one_on_the_line(own_run: Run, session: Session) -> None:
    pool, wave, language = ModelPool(), tone(1.5, 300), "en"
    start, end = load_both(own_run, language)
    _, moved = load_both(own_run, language)
    ends = own_run.request().model, str(own_run.adapted)
    for a in (0.0, 0.5, 1.25, 1.0, 0.25):  # one after the other in the same copy
        blend(start, end, a, moved, kept=1.0)
        assert pool.transcribe_between("me", ends, a, 1.0, language, wave) == moved.transcribe([wave])[0].text
    assert len(pool._models) == 3
    for id, model in zip(ends, (start, end), strict=True):  # neither end has moved
        assert pool.transcribe("me", id, language, wave).transcript == model.transcribe([wave])[0]


def test_the_ends_are_what_the_run_wrote_and_load_nothing(
    own_run: Run, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_pool, "load_model", lambda *a, **how: pytest.fail("loaded"))
    handlers, test = BetweenHandlers(W, ModelPool()), own_run.comparisons()["test"]
    clip = test.clips[most_telling(test) or 0]
    offered = handlers.offer(session)
    assert (offered["panel"]["visible"], offered["place"]["value"]) == (True, 1.0)
    for place, words, named in ((0.0, clip.base_words, "the base"), (1.0, clip.adapted_words, "the adapted model")):
        shown = handlers.move(session, place)["written"]
        assert named in shown
        text = html.unescape(re.sub(r'<span class="sr">.*?</span>|<[^>]+>', "", shown))
        assert " ".join(word.text for word in words) in " ".join(text.split())
    assert handlers.move(session, 1.0)["written"] == offered["written"]


@pytest.mark.parametrize(("place", "a"), [(0.5, "0.5"), (9.0, "1.25"), (float("nan"), "0"), (None, "0")])
def test_a_place_beyond_the_slider_is_its_end(own_run: Run, session: Session, place: float, a: str) -> None:
    wave = decode(own_run.comparisons()["test"].clips[0].path)
    assert len(wave)
    assert f"a = {a}:" in BetweenHandlers(W, ModelPool()).move(session, place)["written"]


def test_there_is_no_slider_without_a_line(own_run: Run, session: Session, tmp_path: Path) -> None:
    handlers = BetweenHandlers(W, ModelPool())
    assert handlers.offer(Session(tmp_path / "other"))["panel"]["visible"] is False
    stored = read_json(own_run.folder / "result.json")
    write_json(own_run.folder / "result.json", {**stored, "best_step": 0})
    assert handlers.offer(session)["panel"]["visible"] is False
    found: Result = made()
    assert found.has_line
    for recipe in (Recipe(start="random"), Recipe(task="classify"), Recipe(drop_layers=1)):
        assert not dataclasses.replace(found, recipe=recipe).has_line


@pytest.mark.parametrize("w", [W, Wording("zh-CN")], ids=lambda w: w.language)
def test_the_curve_names_the_places_with_the_fewest_errors(w: Wording) -> None:
    errors = ((0.0, 9, 1), (0.5, 2, 1), (0.75, 2, 2), (1.0, 4, 3))
    points = [BlendPoint(a, Counted(test, 20), Counted(canary, 20), RULES) for a, test, canary in errors]
    shown = show.curve(points, 0.75, w)
    assert w("blend.result", errors=2, places=w("headline.and").join(["0.5", "0.75"])) in shown
    assert shown.count("data-place") == 4
    assert f"0.75 ({w('between.mark.kept')})" in shown
    assert f"0 ({w('between.mark.base')})" in shown
    assert shown.count('<rect class="dot second"') == 5  # one in the legend
    assert show.curve(points[:1], 0.75, w) == ""
    assert "–" in show.curve([BlendPoint(p.a, p.test, None, RULES) for p in points], 0.75, w)


def test_the_curve_from_the_page(own_run: Run, session: Session, tmp_path: Path) -> None:
    jobs = Started()
    counting = CurveHandlers(W, jobs)
    assert "2 clips, 4 mixtures: about" in counting.look(session)["forecast"]
    shown = counting.start(session)
    assert 'data-state="waiting"' in shown["progress"]
    assert counting.look(session, shown["seen"]) == {}
    counting.stop(session)
    assert jobs.jobs[0].should_stop()
    (jobs.jobs[0].folder / "stop").unlink()
    worker = [sys.executable, "-m", "demo.background.worker", str(jobs.jobs[0].folder)]
    done = subprocess.run(worker, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    shown = counting.look(session)
    assert 'data-state="done"' in shown["progress"]
    assert "<svg" in shown["result"]
    empty = Session(tmp_path / "other")
    shown = counting.look(empty)
    assert W("missing.run") in shown["forecast"]
    assert not shown["start"]["interactive"]
    with pytest.raises(RunError, match="no adapted model"):
        counting.start(empty)
