"""The clip of step 2 is transcribed by both models of a run as the run itself would."""

from __future__ import annotations

import dataclasses
import html
import re
from pathlib import Path

import pytest

from core.audio.sound_files import decode, write_flac
from core.data.samples import read_sample
from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.outcome import transcribe_both
from core.runs.request import Request
from core.runs.run_folder import Run
from core.training.recipe import Recipe
from demo.background import model_pool
from demo.background.model_pool import ModelPool
from demo.background.outcome_cache import Outcomes
from demo.session.session import Session
from demo.steps.compare.handlers import CompareHandlers
from demo.wording import Wording

W = Wording("en")
RECIPE = Recipe(trains="head", learning_rate=1e-2, epochs=1, evaluations=1, precision="float32", thin=False)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "visitor", local=True)


def test_both_models_are_loaded_as_in_the_run(tiny_whisper: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session(tmp_path / "visitor")
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 2), ("validation", 1), ("test", 1)) for clip in whole.part(part)[:n])
    request = Request(str(tiny_whisper), dataclasses.replace(whole, clips=clips), (), (), RECIPE)
    run = run_folder.create(session.folder / "runs" / "one", request)
    list(execute(run))
    write_flac(tmp_path / "said.flac", decode(clips[-1].path))
    recording = session.recordings.add(tmp_path / "said.flac")
    session.choose(model=str(tiny_whisper), run="one", queue="one", clip=recording.id)
    loaded: list[tuple[str, str, AsrModel]] = []

    def load(id: str, language: str, precision: str, thin: bool) -> AsrModel:
        loaded.append((id, precision, load_model(id, language, precision=precision, thin=thin)))
        return loaded[-1][2]

    monkeypatch.setattr(model_pool, "load_model", load)
    shown = CompareHandlers(W, ModelPool(), Outcomes()).again(session)["own"]
    assert [(id, precision, model.thin) for id, precision, model in loaded] == [
        (str(tiny_whisper), "float32", False),
        (str(run.adapted), "float32", False),
    ]
    texts, _ = transcribe_both(run, [decode(recording.path)], "en")
    for text in (*texts["base"], *texts["adapted"]):
        assert " ".join(text.split()) in " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())


def test_it_is_offered_where_there_are_both_models_and_a_clip(session: Session, own_run: Run) -> None:
    comparing = CompareHandlers(W, ModelPool(), Outcomes())
    assert not comparing.offers_again(session)["again"]["visible"]
    assert not comparing.show(session)["again"]["visible"]
    session.choose(clip="0" * 16)  # recorded after the result had come
    assert comparing.offers_again(session)["again"]["visible"]
    session.choose(run="", queue="")
    assert not comparing.offers_again(session)["again"]["visible"]
