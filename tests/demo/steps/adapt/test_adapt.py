"""Step 4: presets, what a start starts, the sweep's queue, and stopping it; the workers themselves are tested elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.data.samples import SAMPLES, WATCHED_CLIPS, read_sample
from core.errors import DatasetError, RecipeError, RunError
from core.runs.run_folder import Run
from core.storage.files import write_json
from core.training.events import Entered, Failed
from core.training.presets import PRESETS, preset
from core.training.recipe import Recipe
from demo.background.forecast_cache import Forecasts
from demo.background.model_pool import ModelPool
from demo.session.session import Session
from demo.steps.adapt import settings
from demo.steps.adapt.handlers import LAMBDAS, AdaptHandlers
from demo.steps.adapt.ladder.handlers import LadderHandlers
from demo.wording import LANGUAGES, Wording

SEED = 7
LOOKED = {"progress", "start", "stop", "timer", "seen", "finished"}


class Told:
    """Takes the place of what starts processes, and says which runs were started."""

    def __init__(self) -> None:
        self.runs: list[Run] = []

    def start(self, run: Run) -> None:
        self.runs.append(run)


def asked(recipe: Recipe, suits: str = "whisper") -> dict[str, Any]:
    """What the page's components hold when a recipe is started."""
    return {**settings.values(recipe), "suits": suits, "seed": SEED}


@pytest.fixture
def jobs() -> Told:
    return Told()


@pytest.fixture(scope="module")
def pool() -> ModelPool:
    return ModelPool()


@pytest.fixture
def adapting(jobs: Told, pool: ModelPool) -> AdaptHandlers:
    return AdaptHandlers(Wording("en"), pool, jobs, Forecasts())  # type: ignore[arg-type]


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
    adapting = AdaptHandlers(Wording(language), pool, Told(), Forecasts())  # type: ignore[arg-type]
    proposed = adapting.preset(session, name)
    clips = len(read_sample("accent").part("train"))
    assert (proposed["preset"], proposed["suits"], proposed["forecast"]) == (name, "whisper", "")
    assert settings.recipe_of({name: proposed[name] for name in settings.NAMES}) == preset(name, "whisper", clips)
    assert Wording(language)(f"preset.{name}.why") in proposed["recipe"]


def test_a_task_brings_its_default_and_leaves_the_preset(adapting: AdaptHandlers, session: Session) -> None:
    for task, expected in (("classify", Recipe.default("classifier", 36)), ("transcribe", preset("accent", "whisper", 36))):
        proposed = adapting.task(session, task)
        assert proposed.keys() == {*settings.NAMES, "suits", "recipe", "forecast"}
        assert settings.recipe_of({name: proposed[name] for name in settings.NAMES}) == expected


@pytest.mark.parametrize("name", SAMPLES)
def test_a_set_brings_the_preset_that_suits_it(name: str, adapting: AdaptHandlers, session: Session) -> None:
    session.choose(labelled_set=name)
    assert adapting.default(session)["preset"] == name


def test_an_unknown_preset_is_refused(adapting: AdaptHandlers, session: Session) -> None:
    with pytest.raises(RecipeError, match="no preset 'boldest'"):
        adapting.preset(session, "boldest")


def test_a_start_asks_for_one_run_with_replay_apart_from_what_is_watched(
    adapting: AdaptHandlers, tiny: Session, jobs: Told
) -> None:
    recipe = preset("accent", "whisper", 36)
    adapting.start(tiny, **asked(recipe), control=False)
    (run,) = jobs.runs
    request = run.request()
    assert (request.recipe, request.seed) == (recipe, SEED)
    assert len(request.watch) == WATCHED_CLIPS
    assert not {clip.path for clip in request.general} & {clip.path for clip in request.watch}
    assert tiny.current_run() == run


def test_the_control_is_a_second_run_from_random_weights(adapting: AdaptHandlers, tiny: Session, jobs: Told) -> None:
    adapting.start(tiny, **asked(Recipe(trains="decoder", adapter="lora", epochs=2)), control=True)
    first, control = (run.request() for run in jobs.runs)
    assert (first.recipe.start, control.recipe.start) == ("pretrained", "random")
    assert (control.recipe.trains, control.recipe.adapter) == ("everything", "none")
    assert control.labelled_set == first.labelled_set
    assert [run.id for run in tiny.queue()] == [run.id for run in jobs.runs]


def test_the_sweep_differs_by_lambda_alone_and_one_press_stops_all(adapting: AdaptHandlers, tiny: Session, jobs: Told) -> None:
    recipe = Recipe(trains="decoder", epochs=2, l2_sp=0.5)
    shown = adapting.sweep(tiny, **asked(recipe))
    assert shown.keys() == LOOKED
    recipes = [run.request().recipe for run in jobs.runs]
    assert [one.l2_sp for one in recipes] == list(LAMBDAS)
    assert len({tuple(sorted((k, str(v)) for k, v in one.settings().items() if k != "l2_sp")) for one in recipes}) == 1
    assert "1 of 5" in shown["progress"]

    with pytest.raises(RunError, match="running"):
        adapting.start(tiny, **asked(recipe), control=False)
    assert len(jobs.runs) == len(LAMBDAS)

    adapting.stop(tiny)
    assert all(run.should_stop() for run in jobs.runs)
    for run in jobs.runs:
        run.append(Failed("stopped_early", "Stopped before it began.", {}))
    shown = adapting.look(tiny)
    assert (shown["start"]["interactive"], shown["stop"]["interactive"], shown["timer"]["active"]) == (True, False, False)
    assert shown["finished"] == ""
    assert shown["progress"]


def test_the_page_moves_on_with_the_queue_and_says_who_is_done(adapting: AdaptHandlers, tiny: Session, jobs: Told) -> None:
    adapting.sweep(tiny, **asked(Recipe(trains="decoder", epochs=1)))
    first, second = jobs.runs[:2]
    write_json(first.folder / "result.json", {})
    with second.lock():
        second.append(Entered("training", 3))
        shown = adapting.look(tiny)
        assert adapting.look(tiny, shown["seen"]) == {}  # nothing is new: nothing changes
    assert "2 of 5" in shown["progress"]
    assert shown["finished"] == first.id


def test_settings_that_are_no_recipe_start_nothing(adapting: AdaptHandlers, tiny: Session, jobs: Told) -> None:
    given = asked(Recipe())
    with pytest.raises(RecipeError, match="learning_rate"):
        adapting.start(tiny, **{**given, "learning_rate": -1.0}, control=False)
    with pytest.raises(RecipeError, match="learning_rate is empty"):
        adapting.start(tiny, **{**given, "learning_rate": None}, control=False)
    assert not jobs.runs
    assert tiny.current_run() is None


def proposed(adapting: AdaptHandlers, session: Session) -> dict[str, Any]:
    """What the page's components hold where nobody has changed what was proposed."""
    shown = adapting.default(session)
    return {**{name: shown[name] for name in (*settings.NAMES, "suits")}, "seed": SEED}


def test_a_recipe_for_the_model_before_starts_nothing(
    adapting: AdaptHandlers, tiny: Session, tiny_ctc: Path, jobs: Told
) -> None:
    before = proposed(adapting, tiny)
    tiny.choose(model=str(tiny_ctc))
    climbing = LadderHandlers(Wording("en"), jobs, adapting)  # type: ignore[arg-type]
    for begin in (
        lambda planned: adapting.start(tiny, **planned, control=False),
        lambda planned: adapting.sweep(tiny, **planned),
        lambda planned: climbing.start(tiny, **planned, target=None),
    ):
        with pytest.raises(RunError, match="for another model"):
            begin(before)
    assert not jobs.runs
    adapting.start(tiny, **proposed(adapting, tiny), control=False)
    (run,) = jobs.runs
    assert run.request().recipe == preset("accent", "ctc", len(read_sample("accent").part("train")))


def test_no_own_clips_start_nothing(adapting: AdaptHandlers, tiny: Session, jobs: Told) -> None:
    tiny.choose(labelled_set="own")
    with pytest.raises(DatasetError, match="at least"):
        adapting.start(tiny, **asked(Recipe()), control=False)
    assert adapting.forecast(tiny, **settings.values(Recipe())) == {"forecast": ""}
    assert not jobs.runs


def test_a_forecast_makes_way_for_a_run(
    adapting: AdaptHandlers, tiny: Session, jobs: Told, pool: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = Recipe(epochs=1)
    pauses = 0

    def press_the_button() -> None:
        nonlocal pauses
        pauses += 1
        if not jobs.runs:
            adapting.start(tiny, **asked(recipe), control=False)

    monkeypatch.setattr(pool, "pause", press_the_button)
    assert adapting.forecast(tiny, **settings.values(recipe)) == {"forecast": ""}
    assert (len(jobs.runs), pauses) == (1, 1)
    jobs.runs[0].append(Failed("stopped_early", "Stopped.", {}))
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


def test_real_recordings_of_ones_own_show_what_is_forgotten(adapting: AdaptHandlers, tiny: Session, jobs: Told) -> None:
    id, _ = kept(tiny), kept(tiny, "kawaida", "sw")
    offered = adapting.canaries(tiny)["canary"]
    assert [value for _, value in offered["choices"]] == ["general", id]
    assert offered["value"] == "general"
    adapting.choose_canary(tiny, id)
    adapting.start(tiny, **asked(Recipe(epochs=1)), control=False)
    request = jobs.runs[0].request()
    assert (request.canary_name, request.canary_synthetic, len(request.canary)) == ("ordinary", False, 3)
    assert adapting.canaries(tiny)["canary"]["value"] == id


def test_a_canary_that_was_deleted_gives_way_to_what_is_built_in(adapting: AdaptHandlers, session: Session) -> None:
    id = kept(session)
    adapting.choose_canary(session, id)
    session.library.delete(id)
    assert adapting.canaries(session)["canary"]["value"] == session.choices.canary == "general"


def test_what_is_learnt_from_cannot_show_what_is_forgotten(adapting: AdaptHandlers, tiny: Session, jobs: Told) -> None:
    id = kept(tiny)
    tiny.choose(canary=id, labelled_set=id)
    with pytest.raises(DatasetError, match="cannot also measure"):
        adapting.start(tiny, **asked(Recipe(epochs=1)), control=False)
    assert not jobs.runs


@pytest.mark.parametrize(("language", "reason"), [("sw", "canary_language"), ("", "no_set")])
def test_other_languages_and_unknown_sets_are_no_general_speech(
    language: str, reason: str, adapting: AdaptHandlers, session: Session
) -> None:
    id = kept(session, language=language) if language else "0" * 16
    with pytest.raises(DatasetError) as refused:
        adapting.choose_canary(session, id)
    assert refused.value.reason == reason
    assert session.choices.canary == "general"
