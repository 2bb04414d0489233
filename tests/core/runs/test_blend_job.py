"""The errors along the line from base to adapted, counted as a job."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from core.audio.sound_files import decode
from core.cli.main import main
from core.data.samples import read_sample
from core.errors import RunError
from core.models.blend import blend
from core.runs import run_folder
from core.runs.blend_job import PLACES, carry_out, create, find
from core.runs.execute import execute
from core.runs.outcome import load_both
from core.runs.request import Request
from core.runs.run_folder import Run
from core.storage.files import append_json_line, read_json, write_json
from core.text.metrics import score
from core.training.events import Advanced, Entered, Finished
from core.training.recipe import Recipe

RECIPE = Recipe(trains="head", learning_rate=1e-2, epochs=4, evaluations=1, blend=0.6, precision="float32")


@pytest.fixture(scope="module")
def finished(tiny_ctc: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 3), ("test", 2)) for clip in whole.part(part)[:n])
    canary = read_sample("general").clips[:1]
    request = Request(str(tiny_ctc), dataclasses.replace(whole, clips=clips), canary, (), RECIPE)
    run = run_folder.create(tmp_path_factory.mktemp("runs") / "one", request)
    list(execute(run))
    return run


@pytest.fixture
def copied(finished: Run, tmp_path: Path) -> Run:
    shutil.copytree(finished.folder, tmp_path / "run")
    return Run(tmp_path / "run")


def test_every_place_is_counted_and_the_ends_are_the_run_s(copied: Run, capsys: pytest.CaptureFixture[str]) -> None:
    result, comparisons = copied.result(), copied.comparisons()
    assert result is not None
    assert result.blend == 0.6
    assert find(copied) is None
    job = create(copied)
    assert (job.kind, job.run, find(copied)) == ("blend", copied, job)
    events = list(carry_out(job))
    assert events[:2] == [Entered("loading"), Entered("places", 3)]
    assert [event.done for event in events if isinstance(event, Advanced)] == list(range(1, len(PLACES) + 2))
    assert isinstance(events[-1], Finished)
    points = {point.a: point for point in job.points()}
    assert list(points) == sorted([*PLACES, 0.6])
    for group in ("test", "canary"):
        for a, model in ((0.0, "base"), (0.6, "adapted")):
            assert getattr(points[a], group).errors == getattr(comparisons[group], model).wer.errors
    base, adapted = load_both(copied, "en")
    _, moved = load_both(copied, "en")
    blend(base, adapted, 1.25, moved, 0.6)
    clips = comparisons["test"].clips
    texts = [transcript.text for transcript in moved.transcribe([decode(clip.path) for clip in clips])]
    assert points[1.25].test.errors == score([clip.reference for clip in clips], texts, "en").wer.errors
    assert main(["blend", str(copied.folder)]) == 0  # measured already
    assert "a =  0.6: errors test" in capsys.readouterr().out
    assert main(["blend", str(copied.folder), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["points"]) == len(points)


def test_it_stops_when_asked_and_leaves_damaged_lines_out(copied: Run) -> None:
    job = create(copied)
    job.ask_to_stop()
    with pytest.raises(RunError, match="Stopped"):
        list(carry_out(job))
    assert [point.a for point in job.points()] == [0.0]
    append_json_line(job.folder / "points.jsonl", {"a": "x"})
    append_json_line(job.folder / "points.jsonl", {"a": 1.0, "test": None, "canary": None, "rules": -1})
    assert [point.a for point in job.points()] == [0.0]


def test_a_run_without_a_line_has_no_curve(copied: Run) -> None:
    write_json(copied.folder / "result.json", {**read_json(copied.folder / "result.json"), "best_step": 0})
    with pytest.raises(RunError, match="no adapted model"):
        create(copied)
