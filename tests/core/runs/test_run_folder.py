"""The run folder: what was asked for, what happened, and how it stands."""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.data.clips.labelled_set import Clip, Dropped, LabelledSet
from core.errors import RecipeError, RunError
from core.evaluation.analysis import ClipSound, analyse
from core.evaluation.compare import compare
from core.runs import run_folder
from core.runs.job_folder import STARTING_SECONDS
from core.runs.outcome import read_outcome
from core.runs.request import Request
from core.runs.result import Result
from core.runs.run_folder import Run, create, new_id, open_run
from core.storage.files import read_json, write_json
from core.text import metrics
from core.text.scoring import RULES
from core.training.events import Entered, Evaluated, Failed, Finished, Noticed, Stepped
from core.training.recipe import Recipe

CLIPS = (Clip("/a.wav", "Größe", "Ada", "train"), Clip("/b.wav", "Ten of clubs", "", "test"))
REQUEST = Request(
    model="tiny",
    labelled_set=LabelledSet("mine", CLIPS, "de", synthetic=True),
    canary=(Clip("/c.wav", "Good day", "", "test"),),
    own=(Clip("/d.wav", "Good night"),),
    recipe=Recipe(epochs=3, l2_sp=0.5, thin=False),
    seed=7,
)

HOLD_THE_LOCK = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return create(tmp_path / "run", REQUEST)


@contextmanager
def another_process_at_work(run: Run) -> Iterator[subprocess.Popen[str]]:
    """Another process holds the run's lock, as the one that carries it out does."""
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(run.lock().lock_file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()


def make_old(run: Run, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(run.folder / "request.json", (then, then))


def test_a_request_survives_the_folder(run: Run) -> None:
    assert run.request() == REQUEST
    assert open_run(run.folder).request() == REQUEST
    assert open_run(run.folder) == run
    assert run.id == "run"
    assert run.adapted == run.folder / "adapted"


def test_a_request_may_have_neither_canary_nor_own_clips(tmp_path: Path) -> None:
    bare = Request("tiny", LabelledSet("mine", CLIPS), (), (), Recipe())
    assert create(tmp_path / "bare", bare).request() == bare


def test_a_request_of_a_later_version_can_be_read(run: Run) -> None:
    path = run.folder / "request.json"
    fields = read_json(path)
    fields["recipe"]["of_a_later_version"] = 1
    write_json(path, fields)
    assert run.request() == REQUEST


def test_a_request_edited_out_of_range_is_refused(run: Run) -> None:
    path = run.folder / "request.json"
    fields = read_json(path)
    fields["recipe"]["epochs"] = 0
    write_json(path, fields)
    with pytest.raises(RecipeError, match="^epochs must be") as caught:
        run.request()
    assert caught.value.reason == "recipe_range"


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    assert create(tmp_path / "deep", REQUEST).request() == REQUEST
    assert create(tmp_path / "deep" / "er" / "run", REQUEST).request() == REQUEST


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "request.json"])
def test_a_folder_that_holds_something_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / name).write_text("mine")
    with pytest.raises(RunError, match="run is not empty. Choose another") as caught:
        create(folder, REQUEST)
    assert caught.value.reason == "run_exists"
    assert [(path.name, path.read_text()) for path in folder.iterdir()] == [(name, "mine")]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "odd" / "request.json").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "gone", tmp_path / "odd"):
        with pytest.raises(RunError, match="There is no run in") as caught:
            open_run(folder)
        assert caught.value.reason == "run_missing"
        assert caught.value.details["folder"] == str(folder)


def test_events_are_read_in_order_while_they_happen(run: Run) -> None:
    assert run.events() == []
    happened = [
        Entered("loading"),
        Noticed("clips_dropped", "1 clips were left out.", {"clips": 1}),
        Stepped(1, 2.5, 0.0, 0.5, 10.0),
        Evaluated(1, 0.5, 0.25, 6, "one\u2028two", "größe", 1.0),
        Finished(3.5),
    ]
    for i, event in enumerate(happened):
        run.append(event)
        assert open_run(run.folder).events() == happened[: i + 1]


def test_events_that_are_torn_or_unknown_are_left_out(run: Run) -> None:
    run.append(Entered("loading"))
    with (run.folder / "events.jsonl").open("a") as file:
        file.write('{"event": "celebrated"}\n{"event": "stepped", "st')
    run.append(Finished(1.0))
    assert run.events() == [Entered("loading"), Finished(1.0)]


def test_results_are_none_until_they_are_there(run: Run) -> None:
    assert run.comparisons_and_analyses() == ({}, {})
    assert run.compared_clips("test") == ()
    assert run.result() is None
    compared = compare([Clip("a.flac", "a")], ["a"], ["b"], "en")
    result = {"model": "m", "family": "ctc", "set": "s", "synthetic": False, "clips": 1, "replayed": 0, "seed": 0}
    result |= {"recipe": Recipe().to_json(), "run": str(run.folder)}
    write_json(run.folder / "comparison.json", {"test": compared.to_json()})
    write_json(run.folder / "result.json", result)
    assert run.comparisons() == {"test": compared}
    assert run.comparisons_and_analyses() == ({"test": compared}, {})  # an earlier version wrote none
    assert run.compared_clips("test") == compared.clips
    assert run.result() == Result("m", "ctc", "s", False, 1, 0, 0, Recipe(), str(run.folder))


def test_what_is_written_is_read_back(run: Run) -> None:
    compared = {"test": compare([Clip("a.flac", "a b", "Ada"), Clip("b.flac", "c")], ["a x", "c"], ["a b", ""], "en")}
    analyses = {"test": analyse(compared["test"], [ClipSound(1.0, 20.0), None])}
    figures = compared["test"].figures
    rest = {"drift": (("head", 0.5),), "dropped": (Dropped("c.flac", "audio_silent", "c.flac is silent."),), "withdrawn": True}
    result = Result("m", "ctc", "s", False, 2, 0, 0, Recipe(l2_sp=0.1), str(run.folder), test=figures, **rest)
    run.write(result, compared, analyses)
    assert run.comparisons() == compared
    assert run.comparisons_and_analyses() == (compared, analyses)
    assert run.compared_clips("test") == compared["test"].clips
    found = run.result()
    assert found is not None
    assert dataclasses.replace(found, comparison_sha256="") == result
    assert run.is_as_written(found)
    with (run.folder / "comparison.json").open("a") as file:
        file.write(" ")
    assert not run.is_as_written(found)


def older(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes a run of a version for which ’ and ' were different words."""
    texts = ["they can’t go", "it's late"]
    clips = [Clip(f"/{i}.wav", text, "", "test") for i, text in enumerate(texts)]
    with monkeypatch.context() as earlier:
        earlier.setattr(metrics, "normalise", lambda text, language="en": text.lower())
        comparison = compare(clips, ["they can't go", "it's fate"], ["They can’t go", "it's late"], "en")
    run.write(
        Result("tiny", "ctc", "mine", False, 4, 0, 7, Recipe(), str(run.folder), "en", test=comparison.figures),
        {"test": comparison},
        {"test": analyse(comparison, [ClipSound(1.0, 30.0)] * 2)},
    )
    for name in ("comparison.json", "result.json"):
        fields = read_json(run.folder / name)
        del fields["test"]["rules"]
        write_json(run.folder / name, fields)


def test_figures_of_earlier_rules_are_worked_out_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    older(run, monkeypatch)
    stored = read_json(run.folder / "result.json")["test"]
    assert stored["base"]["wer"] == 2 / 5  # can't and fate
    result = run.result()
    assert result is not None
    assert result.test is not None
    assert (result.test.base.wer, result.test.words, result.test.rules) == (1 / 7, 7, RULES)  # they can not go it is late
    comparisons, analyses = run.comparisons_and_analyses()
    assert comparisons["test"].figures == result.test
    assert analyses == {}  # of the earlier marks
    assert not run.is_scored_alike()
    outcome = read_outcome(run)
    assert outcome.comparisons == comparisons
    assert set(outcome.analyses) == {"test"}
    assert "test.base.wer" in outcome.differs


def test_figures_that_earlier_rules_worked_out_alike_stay(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = compare([Clip("/a.wav", "Ten of clubs", "", "test")], ["Tan"], ["ten of clubs"], "en")
    analysis = analyse(comparison, [ClipSound(1.0, 30.0)])
    figures = dataclasses.replace(comparison.figures, rules=1)
    result = Result("tiny", "ctc", "mine", False, 4, 0, 7, Recipe(), str(run.folder), "en", test=figures)
    run.write(result, {"test": comparison}, {"test": analysis})
    fields = read_json(run.folder / "comparison.json")
    del fields["test"]["rules"]
    write_json(run.folder / "comparison.json", fields)
    monkeypatch.setattr("core.evaluation.compare.compare", None)  # nothing is scored again
    assert run.result().test == comparison.figures
    assert run.comparisons_and_analyses() == ({"test": comparison}, {"test": analysis})
    assert run.is_scored_alike()
    (run.folder / "comparison.json").write_text("{")
    assert run.result().test == figures  # there is nothing left to score


def test_waiting_until_the_process_had_its_time_to_start(run: Run) -> None:
    assert run.state() == "waiting"
    make_old(run, STARTING_SECONDS - 30)
    assert run.state() == "waiting"
    make_old(run, STARTING_SECONDS + 30)
    assert run.state() == "interrupted"


def test_running_while_a_process_holds_the_lock_and_interrupted_when_it_is_gone(run: Run) -> None:
    with another_process_at_work(run) as process:
        assert run.is_alive()
        assert run.state() == "waiting"
        make_old(run, STARTING_SECONDS + 30)
        assert run.state() == "waiting"  # slow to start, but alive
        run.append(Entered("loading"))
        assert run.state() == "running"
        process.kill()
        process.wait()
    assert not run.is_alive()
    assert run.state() == "interrupted"


def test_the_lock_of_this_process_counts_too(run: Run) -> None:
    run.append(Entered("loading"))
    with run.lock():
        assert open_run(run.folder).state() == "running"
    assert run.state() == "interrupted"


def test_asking_does_not_take_the_lock_away(run: Run) -> None:
    assert not run.is_alive()
    with another_process_at_work(run):
        assert [run.is_alive() for _ in range(3)] == [True] * 3
    with run.lock().acquire(timeout=0):
        assert run.is_alive()


def test_failed_once_the_last_event_says_so(run: Run) -> None:
    run.append(Entered("loading"))
    with run.lock():
        run.append(Failed("audio_silent", "It is silent.", {"name": "a.wav"}))
        assert run.state() == "failed"
    assert run.state() == "failed"


def test_done_once_the_result_is_there(run: Run) -> None:
    run.append(Entered("loading"))
    with run.lock():
        write_json(run.folder / "result.json", {"steps": 3})
        assert run.state() == "done"
    run.append(Finished(1.0))
    assert run.state() == "done"


def test_a_result_written_between_two_looks_is_seen(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.append(Entered("adapted"))

    def ends(self: Run) -> bool:
        write_json(self.folder / "result.json", {"steps": 3})
        return False

    monkeypatch.setattr(Run, "is_alive", ends)
    assert run.state() == "done"


def test_asking_to_stop_is_seen_by_others_and_twice_is_once(run: Run) -> None:
    assert not run.should_stop()
    run.ask_to_stop()
    run.ask_to_stop()
    assert run.should_stop()
    assert open_run(run.folder).should_stop()
    assert run.state() == "waiting"


def test_ids_sort_by_time_and_cannot_be_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime.datetime(2024, 12, 31, 23, 59, 58)
    moments = [start + datetime.timedelta(seconds=i) for i in (0, 1, 2, 70, 86_400, 40_000_000)]
    clock = iter(moments)
    monkeypatch.setattr(run_folder, "datetime", SimpleNamespace(datetime=SimpleNamespace(now=lambda *_: next(clock))))
    ids = [new_id() for _ in moments]
    assert ids == sorted(ids)
    assert ids[0].startswith("20241231-235958-")
    monkeypatch.undo()
    many = {new_id() for _ in range(100)}
    assert len(many) == 100
    assert all(re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{8}", id) for id in many)


def test_everything_on_disk_is_plain_json(run: Run) -> None:
    run.append(Entered("loading", 3))
    assert json.loads((run.folder / "request.json").read_text(encoding="utf-8")) == json.loads(json.dumps(REQUEST.to_json()))
    lines = (run.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"event": "entered", "phase": "loading", "clips": 3}]
