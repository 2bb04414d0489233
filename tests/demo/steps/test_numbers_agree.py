"""Steps, clips, time and parameters of one real run are the same numbers wherever they are shown."""

from __future__ import annotations

import dataclasses
import html
import json
import re
from pathlib import Path

import pytest

from core.cli.main import main
from core.cli.progress import show_progress
from core.data.samples import read_sample
from core.models.loading import load_model
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.lineup import line_up
from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.report.facts import trained_parameters
from core.runs.request import build_request
from core.runs.run_folder import Run
from core.training.events import Prepared, Trained
from core.training.loop import finetune
from core.training.recipe import Recipe
from demo.background.forecast_cache import Forecasts
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.session.session import Session
from demo.steps.adapt import settings
from demo.steps.adapt.handlers import AdaptHandlers
from demo.steps.adapt.show import recipe_words
from demo.steps.adapt.watch.handlers import WatchHandlers
from demo.steps.compare.handlers import CompareHandlers
from demo.steps.teach.show import set_card
from demo.wording import Wording
from tests.conftest import tone
from tests.demo.steps.started import Started

W = Wording("en")
RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=2, batch_size=2, evaluations=2, replay=0.25, blend=0.75)
TIME = r"([\d.]+ (?:s|min))"

# How each number is written; every match of any of its patterns is that number.
PATTERNS = {
    "own": [
        r"(\d+) training clips? of the set",
        r"(\d+) clips? of the set and \d+ of general speech",
        r"(\d+) clips? for training",
        r"^training: (\d+) clips",
    ],
    "replayed": [r"of the set and (\d+) of general speech"],
    "validation": [r"(\d+) validation clips?", r"(\d+) to choose the best"],
    "test": [
        r"(\d+) test clips?",
        r"(\d+) held out for the score",
        r"Errors in the (\d+) test sentences?",
        r"(\d+) held-out clips?",
    ],
    "taken": [r"(\d+) steps?, "],
    "kept": [r"weights after step (\d+)"],
    "blend": [r"kept: ([\d.]+) of the way"],
    "minutes": [r"([\d.]+) min[;)]"],
    "trained": [r"([\d.]+ [Mk]) of [\d.]+ [Mk] parameters"],
    "parameters": [r"of ([\d.]+ [Mk]) parameters"],
    "total": [TIME + r" \([\d.]+ \w+ to train"],
    "train": [r"\(" + TIME + " to train"],
    "evaluate": [TIME + " to transcribe held-out clips"],
    "prepare": [TIME + " to load"],
}
EVERYWHERE = {"taken", "kept", "blend"}
WORKED_WITH = {*PATTERNS} - {"minutes"}

# Which numbers each surface shows at least.
SHOWN = {
    "the card of the set": {"own", "validation", "test"},
    "the recipe": {"own", "replayed"},
    "the layers": {"trained", "parameters"},
    "the progress line": {*EVERYWHERE, "total", "train", "evaluate", "prepare"},
    "the moment watched": {"validation"},
    "the headline": {"test"},
    "the figures": WORKED_WITH,
    "the report": {*PATTERNS},
    "the report in Markdown": {*PATTERNS},
    "the model card": {"own", "replayed", "minutes", *EVERYWHERE, "trained", "parameters"},
    "the command line while it runs": {"own", "replayed", "minutes", *EVERYWHERE, "trained", "parameters"},
    "the command line afterwards": WORKED_WITH,
}


@pytest.fixture(scope="module")
def run(tiny_ctc: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 6), ("validation", 2), ("test", 4)) for clip in whole.part(part)[:n])
    labelled, general = dataclasses.replace(whole, clips=clips), read_sample("general")
    canary = dataclasses.replace(general, clips=general.clips[:3])
    request = build_request(str(tiny_ctc), labelled, RECIPE, 1, canary, read_sample("replay").clips)
    made = run_folder.create(tmp_path_factory.mktemp("visitor") / "runs" / "one", request)
    list(execute(made))
    return made


@pytest.fixture(scope="module")
def session(run: Run) -> Session:
    found = Session(run.folder.parents[1], local=True)
    found.choose(model=run.request().model, run=run.id, queue=run.id)
    return found


@pytest.fixture
def shown(run: Run, session: Session, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The text of every surface, without markup."""
    labelled, pool = run.request().labelled_set, ModelPool()
    adapting = AdaptHandlers(W, pool, Started(), Forecasts())
    compared = CompareHandlers(W, pool, Outcomes()).show(session)
    page, markdown, _ = write_report(read_outcome(run))
    main(["compare", str(run.folder)])
    afterwards = capsys.readouterr().out
    for event in run.events():
        show_progress(event)
    counts = (len(labelled.part(part)) for part in ("train", "validation"))
    surfaces = {
        "the card of the set": set_card("", labelled, 1.0, "", W),
        "the recipe": recipe_words(RECIPE, *counts, W),
        "the layers": adapting.picture(session, **settings.values(RECIPE))["picture"],
        "the progress line": adapting.look(session)["progress"],
        "the moment watched": WatchHandlers(W).look(session, 0, "")["about"],
        "the headline": compared["headline"],
        "the figures": compared["figures"],
        "the report": page.read_text(encoding="utf-8").partition("<h2>Model card")[0],
        "the report in Markdown": markdown.read_text(encoding="utf-8").partition("## Model card")[0],
        "the model card": (run.adapted / "README.md").read_text(encoding="utf-8"),
        "the command line while it runs": capsys.readouterr().err,
        "the command line afterwards": afterwards,
    }
    return {name: plain(text) for name, text in surfaces.items()}


def plain(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", markup)).replace("\u00a0", " ").replace("\\", "")


def found(text: str, name: str) -> set[str]:
    return {value for pattern in PATTERNS[name] for value in re.findall(pattern, text, re.MULTILINE)}


def expected(run: Run) -> dict[str, str]:
    """The numbers of the result, as they are written."""
    result = json.loads((run.folder / "result.json").read_text(encoding="utf-8"))
    seconds = result["seconds"]

    def size(number: int) -> str:
        return f"{number / 1e6:.1f} M" if number >= 50_000 else f"{number / 1e3:.1f} k"

    def time(value: float) -> str:
        return f"{value / 60:.1f} min" if value >= 90 else f"{max(1, round(value))} s"

    return {
        "own": str(result["clips"] - result["replayed"]),
        "replayed": str(result["replayed"]),
        "validation": str(result["validation_clips"]),
        "test": str(result["test_clips"]),
        "taken": str(result["steps"]),
        "kept": str(result["best_step"]),
        "blend": f"{result['blend']:g}",
        "minutes": f"{result['minutes']:.1f}",
        "trained": size(result["trained_parameters"]),
        "parameters": size(result["parameters"]),
        "total": time(sum(seconds.values())),
        **{name: time(seconds[name]) for name in ("train", "evaluate", "prepare")},
    }


def test_every_surface_shows_the_same_numbers(run: Run, shown: dict[str, str]) -> None:
    numbers = expected(run)
    assert (numbers["own"], numbers["replayed"], numbers["validation"], numbers["test"]) == ("6", "2", "2", "4")
    assert numbers["kept"] != "0"  # else the base is kept, and there is less to show
    for surface, text in shown.items():
        missing = {name for name in SHOWN[surface] if not found(text, name)}
        assert not missing, surface
        differ = {name: found(text, name) for name in PATTERNS if found(text, name) - {numbers[name]}}
        assert not differ, surface


def test_events_result_and_line_up_agree(run: Run) -> None:
    result = run.result()
    assert result is not None
    prepared = next(event for event in run.events() if isinstance(event, Prepared))
    trained = next(event for event in run.events() if isinstance(event, Trained))
    assert (prepared.clips, prepared.replayed, prepared.validation) == (8, 2, result.validation_clips)
    assert (result.own_clips, result.replayed, result.minutes) == (6, 2, prepared.minutes)
    assert (result.trained_parameters, result.parameters) == (prepared.trained_parameters, prepared.parameters)
    assert (result.steps, result.best_step, result.blend) == (trained.steps, trained.best_step, trained.blend)
    assert result.test is not None
    assert result.test.clips == result.test_clips == 4
    outcome = read_outcome(run)
    (entry, _) = line_up([outcome, outcome]).entries
    assert entry.clips == result.own_clips


@pytest.mark.parametrize("adapter", ["none", "lora"])
@pytest.mark.parametrize("model", ["tiny_whisper", "tiny_ctc"])
def test_the_layers_count_the_parameters_that_training_counts(
    adapter: str, model: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(model)
    recipe = Recipe(trains="everything", adapter=adapter, epochs=1, evaluations=1)
    session = Session(tmp_path, local=True)
    session.choose(model=str(folder))
    shown = AdaptHandlers(W, ModelPool(), Started(), Forecasts()).picture(session, **settings.values(recipe))["picture"]
    sounds = [(tone(1.0, seed=n), "one two") for n in range(2)]
    prepared = next(e for e in finetune(load_model(str(folder)), sounds, [], recipe) if isinstance(e, Prepared))
    assert trained_parameters(prepared.trained_parameters, prepared.parameters, W) in plain(shown)
