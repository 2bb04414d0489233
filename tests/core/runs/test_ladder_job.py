"""A ladder carried out: short runs of a tiny model, stopped, gone on with, and what the command line says of it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from core.cli.main import main
from core.data.samples import read_sample
from core.errors import RunError
from core.runs.ladder_job import LadderJob, carry_out, create, open_ladder
from core.runs.request import Request
from core.runs.run_folder import Run
from core.training.events import Advanced, Entered, Finished
from core.training.recipe import Recipe

RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=1, evaluations=1)


@pytest.fixture(scope="module")
def asked(tiny_ctc: Path) -> Request:
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 4), ("validation", 1), ("test", 2)) for clip in whole.part(part)[:n])
    return Request(str(tiny_ctc), dataclasses.replace(whole, clips=clips), read_sample("general").clips[:2], (), RECIPE, 3)


@pytest.fixture(scope="module")
def climbed(asked: Request, tmp_path_factory: pytest.TempPathFactory) -> tuple[LadderJob, list]:
    job = create(tmp_path_factory.mktemp("ladders") / "one", asked, [1, 2], 2)
    return job, list(carry_out(job))


def test_every_fine_tune_is_a_run(climbed: tuple[LadderJob, list]) -> None:
    job, events = climbed
    assert job.kind == "ladder"
    assert job.state() == "done"
    assert job.events() == events
    assert events[0] == Entered("rungs", 4)
    assert isinstance(events[-1], Finished)
    shares = [event.done for event in events if isinstance(event, Advanced)]
    assert shares == sorted(shares)
    assert shares[-1] == 4
    assert [run.id for run in job.finished()] == ["0001-0", "0001-1", "0002-0", "0002-1"]
    for run in job.finished():
        assert not run.adapted.exists()  # a model of each would fill a disk
        assert run.request().canary == ()
    assert [(row.clips, row.repeat) for row in job.measured()] == [(1, 3), (1, 4), (2, 3), (2, 4)]


def test_the_result_says_what_it_rests_on(climbed: tuple[LadderJob, list]) -> None:
    job, _ = climbed
    result = job.result()
    assert result is not None
    json.dumps(result, allow_nan=False)
    assert result["base"] == job.base()
    assert len(result["rows"]) == 4
    assert result["curve"]["refusal"] == "too_few_sizes"
    assert {"python", "torch", "processor", "threads", "precision"} <= set(result["versions"])


def test_the_base_is_read_once(climbed: tuple[LadderJob, list]) -> None:
    job, _ = climbed
    texts = [[clip.base for clip in run.comparisons()["test"].clips] for run in job.finished()]
    assert all(text == texts[0] for text in texts)


def test_a_stopped_ladder_keeps_what_is_done_and_goes_on(asked: Request, tmp_path: Path) -> None:
    job = create(tmp_path / "one", asked, [1, 2], 1)
    events = carry_out(job)
    next(event for event in events if isinstance(event, Advanced) and event.done == 1)
    job.ask_to_stop()
    with pytest.raises(RunError, match="The results up to that point are kept") as stopped:
        list(events)
    assert stopped.value.reason == "job_stopped"
    assert [run.id for run in job.finished()] == ["0001-0"]
    assert [path.name for path in (job.folder / "rungs").iterdir()] == ["0001-0"]
    assert job.result() is None
    before = (job.folder / "rungs" / "0001-0" / "result.json").read_bytes()
    assert job.asks_for(asked)
    assert not job.asks_for(dataclasses.replace(asked, seed=4))
    job.resume()
    assert job.state() == "waiting"
    list(carry_out(job))
    assert [run.id for run in job.finished()] == ["0001-0", "0002-0"]
    assert (job.folder / "rungs" / "0001-0" / "result.json").read_bytes() == before


def test_a_fine_tune_that_died_is_done_anew(asked: Request, tmp_path: Path) -> None:
    job = create(tmp_path / "one", asked, [1], 1)
    half = Run(job.folder / "rungs" / "0001-0")
    half.folder.mkdir(parents=True)
    (half.folder / "events.jsonl").write_text("{}\n")
    list(carry_out(job))
    assert half.result() is not None


@pytest.mark.parametrize(
    ("changes", "sizes", "reason"),
    [({"part": "train"}, [], "run_untested"), ({}, [50], "ladder_empty")],
)
def test_what_cannot_be_climbed(asked: Request, changes: dict, sizes: list[int], reason: str, tmp_path: Path) -> None:
    clips = tuple(dataclasses.replace(clip, **changes) for clip in asked.labelled_set.clips)
    request = dataclasses.replace(asked, labelled_set=dataclasses.replace(asked.labelled_set, clips=clips))
    with pytest.raises(RunError) as refused:
        create(tmp_path / "one", request, sizes)
    assert refused.value.reason == reason
    assert not (tmp_path / "one").exists()


def test_a_folder_of_something_else_is_no_ladder(climbed: tuple[LadderJob, list], asked: Request, tmp_path: Path) -> None:
    job, _ = climbed
    with pytest.raises(RunError, match="is not empty"):
        create(job.folder, asked)
    for folder in (tmp_path, job.finished()[0].folder):
        with pytest.raises(RunError, match="There is no ladder in"):
            open_ladder(folder)


def test_on_the_command_line(
    tiny_ctc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "ladder")
    given = ["ladder", "--model", str(tiny_ctc), "--train", "accent", "--test", "noise", "--out", out, "--sizes", "2,1"]
    settings = ["--repeats", "1", "--set", "trains=head", "--set", "epochs=1", "--set", "evaluations=1"]
    assert main([*given, *settings]) == 0
    said = capsys.readouterr()
    assert "2.0 of 2 fine-tunes" in said.err
    assert "   1 clips: WER" in said.out
    assert "there are too few sizes for a curve" in said.out
    monkeypatch.setattr("core.runs.execute.execute", None)  # nothing is fine-tuned again
    assert main([*given, "--target", "50", "--json"]) == 0
    last = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert last["forecast"] == {"wer": 0.5, "clips": None, "low": None, "high": None, "refusal": "too_few_sizes"}
    assert [size["clips"] for size in last["curve"]["sizes"]] == [1, 2]
