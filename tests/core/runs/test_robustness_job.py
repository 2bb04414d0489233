"""A run's robustness measured as a job: in the run's folder, again, stopped, and on the command line."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from core.cli.main import main
from core.data.samples import read_sample
from core.errors import RunError
from core.evaluation.robustness import CONDITIONS
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.report.words import LANGUAGES
from core.runs.request import Request
from core.runs.robustness_job import carry_out, create, find
from core.runs.run_folder import Run
from core.storage.files import append_json_line, read_json, write_json
from core.text.metrics import Interval
from core.text.scoring import RULES
from core.training.events import Advanced, Entered, Finished, Noticed
from core.training.recipe import Recipe

RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=1, evaluations=1)


@pytest.fixture(scope="module")
def finished(tiny_ctc: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 2), ("validation", 1), ("test", 3)) for clip in whole.part(part)[:n])
    request = Request(str(tiny_ctc), dataclasses.replace(whole, clips=clips), (), (), RECIPE, 3)
    run = run_folder.create(tmp_path_factory.mktemp("runs") / "one", request)
    list(execute(run))
    return run


@pytest.fixture
def copied(finished: Run, tmp_path: Path) -> Run:
    shutil.copytree(finished.folder, tmp_path / "run")
    return Run(tmp_path / "run")


def test_every_condition_is_kept_in_the_runs_folder(copied: Run) -> None:
    assert find(copied) is None
    job = create(copied, seed=2)
    assert (job.kind, job.run) == ("robustness", copied)
    events = list(carry_out(job))
    assert events[:2] == [Entered("loading"), Entered("conditions", 3)]
    assert [event.done for event in events if isinstance(event, Advanced)] == list(range(1, len(CONDITIONS) + 1))
    assert isinstance(events[-1], Finished)
    assert find(copied) == job
    assert [point.condition for point in job.points()] == list(CONDITIONS)
    result = job.result()
    assert result is not None
    assert result["points"] == [point.to_json() for point in job.points()]
    recorded = job.points()[0]
    figures = copied.result().test
    for model in ("base", "adapted"):  # what the run itself found
        assert getattr(recorded, model).wer == pytest.approx(getattr(figures, model).wer)


def test_points_of_earlier_rules_are_shown_only_if_the_run_scores_alike(copied: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    job = create(copied)
    line = {"wer": 0.5, "low": 0.4, "high": 0.6}
    change = dataclasses.asdict(Interval(0.0, 0.0, 0.0, 1.0, 9, "sentences"))
    fields = {"condition": "room", "base": line, "adapted": line, "difference": change, "clips": 9}
    append_json_line(job.folder / "points.jsonl", fields)
    append_json_line(job.folder / "points.jsonl", {**fields, "rules": RULES})
    assert [point.rules for point in job.points()] == [1, RULES]
    monkeypatch.setattr(Run, "is_scored_alike", lambda run: False)
    assert [point.rules for point in job.points()] == [RULES]


def test_it_stands_in_the_report(copied: Run) -> None:
    assert "robustness" not in write_report(read_outcome(copied))[0].read_text(encoding="utf-8")
    list(carry_out(create(copied)))
    for texts in LANGUAGES.values():
        html, markdown, data = write_report(read_outcome(copied), texts)
        assert texts["robustness.telephone"] in html.read_text(encoding="utf-8")
        assert texts["robustness.room"] in markdown.read_text(encoding="utf-8")
        assert [point["condition"] for point in read_json(data)["robustness"]] == list(CONDITIONS)


def test_a_stopped_one_keeps_its_points_and_begins_anew(copied: Run) -> None:
    job = create(copied)
    events = carry_out(job)
    next(event for event in events if isinstance(event, Advanced) and event.done == 2)
    job.ask_to_stop()
    with pytest.raises(RunError, match="The results up to that point are kept"):
        list(events)
    assert [point.condition for point in job.points()] == list(CONDITIONS[:2])
    assert job.result() is None
    assert create(copied).points() == []


def test_one_at_a_time(copied: Run) -> None:
    with create(copied).lock(), pytest.raises(RunError, match="This is already being measured") as refused:
        create(copied)
    assert refused.value.reason == "job_running"


def test_a_clip_that_is_gone_is_left_out(copied: Run) -> None:
    kept = read_json(copied.folder / "comparison.json")
    kept["test"]["clips"][0]["path"] = "/gone.flac"
    write_json(copied.folder / "comparison.json", kept)
    events = list(carry_out(create(copied)))
    (notice,) = [event for event in events if isinstance(event, Noticed)]
    assert (notice.reason, notice.details["name"]) == ("clips_dropped", "gone.flac")
    assert {point.clips for point in find(copied).points()} == {2}


@pytest.mark.parametrize(
    ("lost", "reason"), [("result.json", "run_unfinished"), ("adapted", "run_unfinished"), ("test", "run_untested")]
)
def test_what_has_no_robustness(copied: Run, lost: str, reason: str) -> None:
    if lost == "test":
        write_json(copied.folder / "comparison.json", {})
    elif lost == "adapted":
        shutil.rmtree(copied.adapted)
    else:
        (copied.folder / lost).unlink()
    with pytest.raises(RunError) as refused:
        create(copied)
    assert refused.value.reason == reason


def test_on_the_command_line(copied: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["robustness", str(copied.folder), "--json"]) == 0
    said = capsys.readouterr()
    assert "8 of 8 conditions" in said.err
    first = json.loads(said.out.splitlines()[-1])
    assert main(["robustness", str(copied.folder)]) == 0  # not measured again
    said = capsys.readouterr()
    assert said.err == ""
    assert [line.split()[0] for line in said.out.splitlines()] == list(CONDITIONS)
    assert main(["robustness", str(copied.folder), "--again", "--seed", "5", "--json"]) == 0
    again = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert again["seed"] == 5
    assert again["points"][0] == first["points"][0]
    assert main(["robustness", str(copied.folder.parent)]) == 1
    assert "There is no run in" in capsys.readouterr().err
