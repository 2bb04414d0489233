"""Step 4: presets, what a start starts, the sweep's queue, and stopping it; the workers themselves are tested elsewhere."""

from __future__ import annotations

import dataclasses
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from core.audio.sound_files import write_flac
from core.data.samples import SAMPLES, WATCHED_CLIPS, read_sample
from core.errors import DatasetError, RecipeError, RunError
from core.runs.job_folder import Expected
from core.storage.files import write_json
from core.training.events import Entered, Failed, Prepared, Stepped
from core.training.presets import PRESETS, preset
from core.training.recipe import Recipe
from demo.background.forecast_cache import Forecasts
from demo.background.model_pool import ModelPool
from demo.session.chosen_set import labelled_set
from demo.session.session import Session
from demo.show.markup import note
from demo.show.waiting import NOBODY, Ahead
from demo.steps.adapt import handlers, settings
from demo.steps.adapt.handlers import LAMBDAS, AdaptHandlers
from demo.steps.adapt.ladder.handlers import LadderHandlers
from demo.wording import LANGUAGES, Wording
from tests.conftest import tone
from tests.demo.background.test_model_pool import HANG_SECONDS
from tests.demo.show.test_markup import result
from tests.demo.steps.started import Started

SEED = 7
W = Wording("en")
READY = {"start", "find", "hear", "sweep", "timer", "forecast"}
LOOKED = {"progress", "stop", "seen", "finished", *READY}


def asked(recipe: Recipe, suits: str = "whisper") -> dict[str, Any]:
    """What the page's components hold when a recipe is started."""
    return {**settings.values(recipe), "suits": suits, "seed": SEED}


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy computer takes longer; what a test measures may."""
    for name in ("FORECAST_SECONDS", "LATE_SECONDS", "MEASURING_SECONDS"):
        monkeypatch.setattr(handlers, name, HANG_SECONDS)


@pytest.fixture
def jobs() -> Started:
    return Started()


@pytest.fixture(scope="module")
def pool() -> ModelPool:
    return ModelPool()


@pytest.fixture
def adapting(jobs: Started, pool: ModelPool) -> AdaptHandlers:
    return AdaptHandlers(Wording("en"), pool, jobs, Forecasts())


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "session", local=True)


@pytest.fixture
def tiny(session: Session, tiny_whisper: Path) -> Session:
    session.choose(model=str(tiny_whisper))
    return session


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_the_settings_and_says_why(language: str, name: str, session: Session, pool: ModelPool) -> None:
    adapting = AdaptHandlers(Wording(language), pool, Started(), Forecasts())
    proposed = adapting.preset(session, name)
    clips = len(read_sample("accent").part("train"))
    assert (proposed["preset"], proposed["suits"], proposed["forecast"]) == (name, "whisper", "")
    assert settings.recipe_of({name: proposed[name] for name in settings.NAMES}) == preset(name, "whisper", clips)
    assert Wording(language)(f"preset.{name}.why") in proposed["recipe"]


def test_a_task_brings_its_default_and_leaves_the_preset(adapting: AdaptHandlers, session: Session) -> None:
    for task, expected in (("classify", Recipe.default("classifier", 36)), ("transcribe", preset("accent", "whisper", 36))):
        proposed = adapting.task(session, task)
        assert proposed.keys() == {*settings.NAMES, "suits", "recipe", *READY}
        assert settings.recipe_of({name: proposed[name] for name in settings.NAMES}) == expected


@pytest.mark.parametrize("name", SAMPLES)
def test_a_set_brings_the_preset_that_suits_it(name: str, adapting: AdaptHandlers, session: Session) -> None:
    session.choose(labelled_set=name)
    assert adapting.default(session)["preset"] == name


def test_an_unknown_preset_is_refused(adapting: AdaptHandlers, session: Session) -> None:
    with pytest.raises(RecipeError, match="no preset 'boldest'"):
        adapting.preset(session, "boldest")


def test_a_start_asks_for_one_run_with_replay_apart_from_what_is_watched(
    adapting: AdaptHandlers, tiny: Session, jobs: Started
) -> None:
    recipe = preset("accent", "whisper", 36)
    adapting.start(tiny, **asked(recipe), control=False)
    (run,) = jobs.jobs
    request = run.request()
    assert (request.recipe, request.seed) == (recipe, SEED)
    assert len(request.watch) == WATCHED_CLIPS
    assert not {clip.path for clip in request.general} & {clip.path for clip in request.watch}
    assert tiny.current_run() == run


def test_the_control_is_a_second_run_from_random_weights(adapting: AdaptHandlers, tiny: Session, jobs: Started) -> None:
    adapting.start(tiny, **asked(Recipe(trains="decoder", adapter="lora", epochs=2)), control=True)
    first, control = (run.request() for run in jobs.jobs)
    assert (first.recipe.start, control.recipe.start) == ("pretrained", "random")
    assert (control.recipe.trains, control.recipe.adapter) == ("everything", "none")
    assert control.labelled_set == first.labelled_set
    assert [run.id for run in tiny.queue()] == [run.id for run in jobs.jobs]


def test_the_sweep_differs_by_lambda_alone_and_one_press_stops_all(
    adapting: AdaptHandlers, tiny: Session, jobs: Started
) -> None:
    recipe = Recipe(trains="decoder", epochs=2, l2_sp=0.5)
    shown = adapting.sweep(tiny, **asked(recipe))
    assert shown.keys() == LOOKED
    recipes = [run.request().recipe for run in jobs.jobs]
    assert [one.l2_sp for one in recipes] == list(LAMBDAS)
    assert len({tuple(sorted((k, str(v)) for k, v in one.settings().items() if k != "l2_sp")) for one in recipes}) == 1
    assert "1 of 5" in shown["progress"]

    with pytest.raises(RunError, match="running"):
        adapting.start(tiny, **asked(recipe), control=False)
    assert len(jobs.jobs) == len(LAMBDAS)

    adapting.stop(tiny)
    assert all(run.should_stop() for run in jobs.jobs)
    for run in jobs.jobs:
        run.append(Failed("stopped_early", "Stopped before it began.", {}))
    shown = adapting.look(tiny)
    assert (shown["start"]["interactive"], shown["stop"]["interactive"], shown["timer"]["active"]) == (True, False, False)
    assert shown["finished"] == ""
    assert shown["progress"]


def test_the_page_moves_on_with_the_queue_and_says_who_is_done(adapting: AdaptHandlers, tiny: Session, jobs: Started) -> None:
    adapting.sweep(tiny, **asked(Recipe(trains="decoder", epochs=1)))
    first, second = jobs.jobs[:2]
    write_json(first.folder / "result.json", {})
    with second.lock():
        second.append(Entered("training", 3))
        shown = adapting.look(tiny)
        assert adapting.look(tiny, shown["seen"]) == {}  # nothing is new: nothing changes
    assert "2 of 5" in shown["progress"]
    assert shown["finished"] == first.id


def test_settings_that_are_no_recipe_start_nothing(adapting: AdaptHandlers, tiny: Session, jobs: Started) -> None:
    given = asked(Recipe())
    with pytest.raises(RecipeError, match="learning_rate"):
        adapting.start(tiny, **{**given, "learning_rate": -1.0}, control=False)
    with pytest.raises(RecipeError, match="learning_rate is empty"):
        adapting.start(tiny, **{**given, "learning_rate": None}, control=False)
    assert not jobs.jobs
    assert tiny.current_run() is None


def proposed(adapting: AdaptHandlers, session: Session) -> dict[str, Any]:
    """What the page's components hold where nobody has changed what was proposed."""
    shown = adapting.default(session)
    return {**{name: shown[name] for name in (*settings.NAMES, "suits")}, "seed": SEED}


def test_a_recipe_for_the_model_before_starts_nothing(
    adapting: AdaptHandlers, tiny: Session, tiny_ctc: Path, jobs: Started
) -> None:
    before = proposed(adapting, tiny)
    tiny.choose(model=str(tiny_ctc))
    climbing = LadderHandlers(Wording("en"), jobs, adapting)
    for begin in (
        lambda planned: adapting.start(tiny, **planned, control=False),
        lambda planned: adapting.sweep(tiny, **planned),
        lambda planned: climbing.start(tiny, **planned, target=None),
    ):
        with pytest.raises(RunError, match="for another model"):
            begin(before)
    assert not jobs.jobs
    adapting.start(tiny, **proposed(adapting, tiny), control=False)
    (run,) = jobs.jobs
    assert run.request().recipe == preset("accent", "ctc", len(read_sample("accent").part("train")))


def test_no_own_clips_start_nothing(adapting: AdaptHandlers, tiny: Session, jobs: Started) -> None:
    tiny.choose(labelled_set="own")
    with pytest.raises(DatasetError, match="at least"):
        adapting.start(tiny, **asked(Recipe()), control=False)
    shown = adapting.forecast(tiny, **settings.values(Recipe()))["forecast"]
    assert "no clips of your own yet. Record at least 3 different sentences" in shown
    assert not jobs.jobs


def test_a_forecast_makes_way_for_a_run(
    adapting: AdaptHandlers, tiny: Session, jobs: Started, pool: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(epochs=1)
    pauses = 0

    def press_the_button() -> None:
        nonlocal pauses
        pauses += 1
        if not jobs.jobs:
            adapting.start(tiny, **asked(recipe), control=False)

    monkeypatch.setattr(pool, "pause", press_the_button)
    assert adapting.forecast(tiny, **settings.values(recipe)) == {"forecast": ""}
    assert (len(jobs.jobs), pauses) == (1, 1)
    jobs.jobs[0].append(Failed("stopped_early", "Stopped.", {}))
    assert "about" in adapting.forecast(tiny, **settings.values(recipe))["forecast"]


def test_the_picture_leaves_the_model_as_it_was(adapting: AdaptHandlers, tiny: Session, pool: ModelPool) -> None:
    with pool.lend("", tiny.choices.model) as model:
        before = [name for name, _ in model.network.named_parameters()]
    whole = adapting.picture(tiny, **settings.values(Recipe(trains="everything")))["picture"]
    adapter = adapting.picture(tiny, **settings.values(Recipe(trains="decoder", adapter="lora")))["picture"]
    with pool.lend("", tiny.choices.model) as model:
        assert [name for name, _ in model.network.named_parameters()] == before
    assert 'class="learns"' in whole
    assert 'class="frozen"' not in whole
    assert 'class="adapter"' in adapter
    assert 'class="frozen"' in adapter


def kept(session: Session, name: str = "ordinary", language: str = "en") -> str:
    """Keeps a few clips as a set of the library and returns its id."""
    return session.library.create(name, read_sample("replay").clips[:3], language).stored.id


def test_real_recordings_of_ones_own_show_what_is_forgotten(adapting: AdaptHandlers, tiny: Session, jobs: Started) -> None:
    id, _ = kept(tiny), kept(tiny, "kawaida", "sw")
    offered = adapting.canaries(tiny)["canary"]
    assert [value for _, value in offered["choices"]] == ["general", id]
    assert offered["value"] == "general"
    adapting.choose_canary(tiny, id)
    adapting.start(tiny, **asked(Recipe(epochs=1)), control=False)
    request = jobs.jobs[0].request()
    assert (request.canary_name, request.canary_synthetic, len(request.canary)) == ("ordinary", False, 3)
    assert adapting.canaries(tiny)["canary"]["value"] == id


def test_a_canary_that_was_deleted_gives_way_to_what_is_built_in(adapting: AdaptHandlers, session: Session) -> None:
    id = kept(session)
    adapting.choose_canary(session, id)
    session.library.delete(id)
    assert adapting.canaries(session)["canary"]["value"] == session.choices.canary == "general"


def test_what_is_learnt_from_cannot_show_what_is_forgotten(adapting: AdaptHandlers, tiny: Session, jobs: Started) -> None:
    id = kept(tiny)
    tiny.choose(canary=id, labelled_set=id)
    with pytest.raises(DatasetError, match="cannot also measure"):
        adapting.start(tiny, **asked(Recipe(epochs=1)), control=False)
    assert not jobs.jobs


@pytest.mark.parametrize(("language", "reason"), [("sw", "canary_language"), ("", "no_set")])
def test_other_languages_and_unknown_sets_are_no_general_speech(
    language: str, reason: str, adapting: AdaptHandlers, session: Session
) -> None:
    id = kept(session, language=language) if language else "0" * 16
    with pytest.raises(DatasetError) as refused:
        adapting.choose_canary(session, id)
    assert refused.value.reason == reason
    assert session.choices.canary == "general"


def record(session: Session, *texts: str) -> None:
    """Keeps a recording of each text."""
    for seed, text in enumerate(texts):
        source = session.folder / f"{text}.flac"
        write_flac(source, tone(1.0, seed=seed))
        session.recordings.label(session.recordings.add(source).id, text, "en")


def test_a_start_that_would_fail_is_not_enabled_and_says_what_is_missing(adapting: AdaptHandlers, tiny: Session) -> None:
    tiny.choose(labelled_set="own")
    for texts, said in (
        ((), "no clips of your own yet"),
        (("one house", "One house!"), "You have 2 clips of your own, with 1 different sentence; it takes at least 3"),
        (("two mice", "three cats"), ""),
    ):
        record(tiny, *texts)
        ready = adapting.ready(tiny)
        assert ready.keys() == READY
        assert {ready[name]["interactive"] for name in ("start", "find", "sweep", "hear")} == {not said}
        assert said in ready["forecast"]
        assert bool(ready["forecast"]) == bool(said)
        for shown in (adapting.default(tiny), adapting.look(tiny), adapting.words(tiny, **settings.values(Recipe()))):
            assert {name: shown[name] for name in READY} == ready
        assert adapting.forecasting(tiny)["forecast"] == (ready["forecast"] or note(W("adapt.forecasting")))
        assert "0 clips" not in adapting.default(tiny)["recipe"]
    adapting.start(tiny, **asked(Recipe(epochs=1)), control=False)  # now it works
    assert not adapting.ready(tiny)["start"]["interactive"]


def test_a_start_waits_for_a_download_and_is_offered_when_that_ends(adapting: AdaptHandlers, tiny: Session) -> None:
    tiny.choose(fetching="openai/whisper-small")
    shown = adapting.look(tiny)
    assert (shown["start"]["interactive"], shown["timer"]["active"]) == (False, True)
    assert "openai/whisper-small is still downloading" in shown["forecast"]
    assert adapting.look(tiny, shown["seen"]) == {}
    tiny.choose(fetching="")  # it was stopped
    shown = adapting.look(tiny, shown["seen"])
    assert (shown["start"]["interactive"], shown["timer"]["active"], shown["forecast"]) == (True, False, "")


def test_what_else_a_start_needs(adapting: AdaptHandlers, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    assert adapting.ready(session)["forecast"] == ""
    id = kept(session)
    session.choose(canary=id, labelled_set=id)
    assert "cannot also measure" in adapting.ready(session)["forecast"]
    session.choose(canary="general", labelled_set="0" * 16)
    assert W("error.no_set") in adapting.ready(session)["forecast"]
    session.choose(labelled_set="accent", model="nobody/nothing")
    shown = adapting.ready(session)
    assert "nobody/nothing is not on this computer" in shown["forecast"]
    assert not shown["start"]["interactive"]


def test_a_wrong_field_says_so_and_starts_nothing(adapting: AdaptHandlers, tiny: Session) -> None:
    shown = adapting.words(tiny, **{**settings.values(Recipe()), "learning_rate": None})
    assert "recipe" not in shown
    assert not shown["start"]["interactive"]
    assert W("adapt.learning_rate") in shown["forecast"]


def test_the_queue_is_in_the_progress_and_in_the_forecast(adapting: AdaptHandlers, tiny: Session, jobs: Started) -> None:
    recipe = Recipe(epochs=1)
    jobs.is_ahead = Ahead(1, 118.0)
    told = adapting.forecast(tiny, **settings.values(recipe))["forecast"]
    assert "Forecast for this computer" in told
    assert "1 job is ahead of you: about 2.0 min." in told
    shown = adapting.start(tiny, **asked(recipe), control=False)
    assert "2nd in the queue: starts by itself in about 2.0 min." in shown["progress"]
    assert shown["forecast"] == ""
    measured = adapting.expected(tiny, recipe, labelled_set(tiny))
    assert measured is not None
    assert jobs.jobs[0].remaining() == pytest.approx(measured.total + handlers.LOADING_SECONDS)  # others that wait are told
    assert adapting.look(tiny, shown["seen"]) == {}
    jobs.is_ahead = Ahead(1, 100.0)  # time goes by
    shown = adapting.look(tiny, shown["seen"])
    assert "about 1.7 min" in shown["progress"]
    jobs.is_ahead = NOBODY
    shown = adapting.look(tiny, shown["seen"])
    assert W("queue.starting") in shown["progress"]
    assert "queue" not in shown["progress"]
    (run,) = jobs.jobs
    run.expect(Expected(3600.0))
    with run.lock():
        run.append(Entered("base", 34))
        shown = adapting.look(tiny, shown["seen"])
        assert "About 60.0 min left." in shown["progress"]
        earlier = time.time() - 600
        os.utime(run.folder / "events.jsonl", (earlier, earlier))
        assert "About 50.0 min left." in adapting.look(tiny, shown["seen"])["progress"]  # nothing happened, but time went by


def test_a_forecast_that_takes_too_long_comes_later(
    adapting: AdaptHandlers, tiny: Session, jobs: Started, pool: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.setattr(pool, "pause", go_on.wait)
    monkeypatch.setattr(handlers, "FORECAST_SECONDS", 0.01)
    fields = settings.values(Recipe(epochs=1))
    jobs.is_ahead = Ahead(2, None)
    shown = adapting.forecast(tiny, **fields)["forecast"]
    assert W("forecast.later") in shown
    assert "2 jobs are ahead of you." in shown
    assert adapting.ready(tiny)["start"]["interactive"]
    go_on.set()
    assert "Forecast for this computer" in adapting.late_forecast(tiny, **fields)["forecast"]
    assert "Forecast for this computer" in adapting.forecast(tiny, **fields)["forecast"]  # it is kept


def test_measuring_does_not_go_on_for_ever(adapting: AdaptHandlers, tiny: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "MEASURING_SECONDS", -1.0)
    fields = settings.values(Recipe(epochs=1))
    assert W("forecast.later") in adapting.forecast(tiny, **fields)["forecast"]
    assert adapting.late_forecast(tiny, **fields) == {}


def test_after_a_restart_of_the_server_a_run_is_in_sight(
    adapting: AdaptHandlers, tiny: Session, jobs: Started, pool: ModelPool
) -> None:
    adapting.start(tiny, **asked(Recipe(epochs=1)), control=False)
    (run,) = jobs.jobs
    again, later = AdaptHandlers(W, pool, Started(), Forecasts()), Session(tiny.folder, local=True)
    with run.lock():
        run.append(Entered("training", 36))
        shown = again.restore(later)
        assert W("phase.training", clips=36) in shown["progress"]
        assert (shown["start"]["interactive"], shown["stop"]["interactive"], shown["timer"]["active"]) == (False, True, True)
        run.append(Prepared(36, 1.0, 9, 1, 2, 0.1))
        run.append(Stepped(3, 1.0, 0.0, 5.0, 10.0))
        assert "step 3 of 9" in again.restore(later)["progress"]
    shown = again.restore(later)  # the computer was switched off
    assert "ended unexpectedly after step 3" in shown["progress"]
    assert (shown["start"]["interactive"], shown["stop"]["interactive"], shown["timer"]["active"]) == (True, False, False)
    write_json(run.folder / "result.json", dataclasses.replace(result(), steps=9, best_step=6).to_json())
    a_day_ago = time.time() - 86_400
    os.utime(run.folder / "request.json", (a_day_ago, a_day_ago))
    shown = again.restore(later)
    assert "step 6" in shown["progress"]
    assert shown["finished"] == run.id
