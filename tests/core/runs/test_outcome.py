"""Everything said about a run, from its folder alone: one object, the command line over it, and runs lined up."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.cli.main import main
from core.data.clips.labelled_set import Clip
from core.data.samples import read_sample
from core.errors import RunError
from core.evaluation.compare import Comparison
from core.runs import outcome as outcomes
from core.runs import run_folder
from core.runs.deleted_clips import withdraw
from core.runs.execute import execute
from core.runs.ladder import ladder, measured
from core.runs.lineup import _holm, line_up
from core.runs.outcome import Outcome, read_outcome
from core.runs.report.document import write_report
from core.runs.request import Request
from core.runs.run_folder import Run
from core.storage.files import read_json, write_json
from core.text.metrics import Interval
from core.training.recipe import Recipe

RECIPE = Recipe(trains="head", learning_rate=1e-3, epochs=1, evaluations=1)


def asked(model: Path, test: int = 9, **changes: object) -> Request:
    whole = read_sample("accent")
    clips = tuple(clip for part, n in (("train", 4), ("validation", 2), ("test", test)) for clip in whole.part(part)[:n])
    labelled = dataclasses.replace(whole, clips=clips)
    usual = Request(str(model), labelled, read_sample("general").clips[:2], (clips[0],), RECIPE, 3)
    return dataclasses.replace(usual, **changes)


@pytest.fixture(scope="module")
def finish(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Request], Run]:
    """Carries a request out in a folder of that name."""
    home = tmp_path_factory.mktemp("runs")

    def carried_out(name: str, request: Request) -> Run:
        run = run_folder.create(home / name, request)
        list(execute(run))
        return run

    return carried_out


@pytest.fixture(scope="module")
def finished(finish: Callable, tiny_ctc: Path) -> Run:
    return finish("first", asked(tiny_ctc))


@pytest.fixture(scope="module")
def second(finish: Callable, tiny_ctc: Path) -> Run:
    return finish("second", asked(tiny_ctc, recipe=dataclasses.replace(RECIPE, learning_rate=1e-1), seed=4))


@pytest.fixture
def copied(finished: Run, tmp_path: Path) -> Run:
    shutil.copytree(finished.folder, tmp_path / "copied")
    return Run(tmp_path / "copied")


def last_line(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_the_stored_transcripts_give_the_figures_again(finished: Run) -> None:
    outcome = read_outcome(finished)
    assert outcome.differs == ()
    assert not outcome.recomputed
    assert set(outcome.comparisons) == set(outcome.analyses) == {"test", "canary", "own"}
    result = finished.result()
    assert result is not None
    for group in ("test", "canary"):
        assert outcome.comparisons[group].figures == result.figures[group]
    assert [clip.trained_on for clip in outcome.comparisons["own"].clips] == [True]
    assert outcome.analyses["test"].lengths != ()


def test_what_the_run_worked_out_is_not_worked_out_again(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    checked = read_outcome(finished, check=True)

    def never(*anything: object) -> None:
        raise AssertionError("nothing is worked out again")

    for name in ("compare", "analyse", "measure_sounds"):
        monkeypatch.setattr(outcomes, name, never)
    assert read_outcome(finished) == checked
    write_report(read_outcome(finished), folder=finished.folder / "reports")
    with pytest.raises(AssertionError, match="nothing is worked out"):
        read_outcome(finished, check=True)


@pytest.fixture(scope="module")
def with_terms(finish: Callable, tiny_ctc: Path) -> Run:
    """A run asked to count a word of its first test clip, and one that nobody says."""
    request = asked(tiny_ctc)
    word = request.labelled_set.part("test")[0].text.split()[-1].strip(".")
    return finish("terms", dataclasses.replace(request, terms=(word, "Siobhan")))


def test_own_words_are_counted_once_and_read_by_all(with_terms: Run, capsys: pytest.CaptureFixture[str]) -> None:
    word, unsaid = with_terms.request().terms
    outcome = read_outcome(with_terms, check=True)
    assert outcome.differs == ()
    counts = outcome.comparisons["test"].figures.terms
    assert outcome.result.test is not None
    assert counts == outcome.result.test.terms
    assert [count.term for count in counts] == [word, unsaid]
    assert counts[0].times >= 1
    assert counts[1].times == 0
    assert all(not figures.terms for group, figures in outcome.result.figures.items() if group != "test")
    assert main(["compare", str(with_terms.folder)]) == 0
    printed = capsys.readouterr().out
    assert f"  {word}: right {counts[0].base} -> {counts[0].adapted} of {counts[0].times} times" in printed
    assert f"  {unsaid}: in none of the test clips" in printed
    assert f"| {word} | {counts[0].times} | {counts[0].base} |" in (with_terms.adapted / "README.md").read_text()
    pages = write_report(outcome, folder=with_terms.folder / "reports")
    assert f"{counts[0].base} of {counts[0].times} time" in pages[0].read_text()


def test_other_words_can_be_counted_later(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(finished.folder), "--words", "Siobhan, the", "--json"]) == 0
    assert [count["term"] for count in last_line(capsys)["test"]["terms"]] == ["Siobhan", "the"]
    assert main(["compare", str(finished.folder), "--words", "66"]) == 1
    assert "cannot be used as a word" in capsys.readouterr().err


def test_own_words_go_with_the_last_clip_that_says_them(with_terms: Run, tmp_path: Path) -> None:
    shutil.copytree(with_terms.folder, tmp_path / "copied")
    run = Run(tmp_path / "copied")
    word = run.request().terms[0]
    saying = {Path(clip.path) for clip in run.request().labelled_set.clips if word.lower() in clip.text.lower()}
    withdraw(run, saying)
    assert run.request().terms == ()
    result = run.result()
    assert result is not None
    assert result.test is not None
    assert result.test.terms == ()
    left = [path for path in run.folder.rglob("*") if path.suffix in (".json", ".jsonl", ".md")]
    assert not [path for path in left if f"{word} |" in path.read_text() or f'"{word}"' in path.read_text()]


def test_a_transcript_that_was_edited_is_noticed(copied: Run) -> None:
    kept = read_json(copied.folder / "comparison.json")
    kept["test"]["clips"][0]["adapted"] = kept["test"]["clips"][0]["reference"]
    write_json(copied.folder / "comparison.json", kept)
    outcome = read_outcome(copied)
    assert "test.adapted.wer" in outcome.differs
    assert outcome.comparisons["test"].clips[0].adapted_errors == 0


def test_transcribing_again_gives_the_same_figures(finished: Run) -> None:
    outcome = read_outcome(finished, recompute=True)
    assert outcome.recomputed
    assert outcome.differs == ()


def test_what_was_edited_is_named(copied: Run) -> None:
    result = read_json(copied.folder / "result.json")
    result["test"]["adapted"]["wer"] += 0.25
    result["test"]["verdict"] = "better"
    result["test"]["difference"]["high"] += 0.5
    del result["canary"]["clips_needed"]  # an older version's
    write_json(copied.folder / "result.json", result)
    assert sorted(read_outcome(copied).differs) == ["test.adapted.wer", "test.difference.high", "test.verdict"]
    kept = read_json(copied.folder / "comparison.json")
    del kept["test"]
    write_json(copied.folder / "comparison.json", kept)
    assert read_outcome(copied).differs == ("test",)


def test_clips_that_are_gone_cost_their_lengths_alone(copied: Run) -> None:
    kept = read_json(copied.folder / "comparison.json")
    for clip in kept["test"]["clips"]:
        clip["path"] = "/gone.flac"
    write_json(copied.folder / "comparison.json", kept)
    outcome = read_outcome(copied)
    assert outcome.differs == ()
    assert (outcome.analyses["test"].lengths, outcome.analyses["test"].noises) == ((), ())
    with pytest.raises(Exception, match=r"There is no file /gone\.flac"):
        read_outcome(copied, recompute=True)


def test_an_unfinished_run_is_refused(finished: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no adapted model yet"):
        read_outcome(run_folder.create(tmp_path / "run", finished.request()))


def test_compare_prints_what_the_object_holds(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(finished.folder), "--json"]) == 0
    printed = last_line(capsys)
    assert printed == json.loads(json.dumps(read_outcome(finished).to_json()))
    assert (printed["equals_result"], printed["recomputed"]) == (True, False)
    assert printed["test"]["analysis"]["writing"]["learnt"] in ("sound", "writing", "nothing", "worse")
    assert len(printed["test"]["clips"]) == 9
    assert main(["compare", str(finished.folder), "--recompute", "--json"]) == 0
    again = last_line(capsys)
    assert again["recomputed"] is True
    assert {**again, "recomputed": False} == printed


def test_compare_says_it_in_words(finished: Run, copied: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(finished.folder)]) == 0
    said = capsys.readouterr().out
    assert "test: WER" in said
    assert "equals result.json" in said
    result = read_json(copied.folder / "result.json")
    result["test"]["base"]["cer"] = 0.0
    write_json(copied.folder / "result.json", result)
    assert main(["compare", str(copied.folder)]) == 0
    assert "differs from result.json in test.base.cer" in capsys.readouterr().out


def test_a_run_can_be_done_again(finished: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = tmp_path / "again"
    assert main(["finetune", "--again", str(finished.folder), "--out", str(again)]) == 0
    assert Run(again).request() == finished.request()
    assert Run(again).comparisons() == finished.comparisons()
    other = tmp_path / "other"
    assert main(["finetune", "--again", str(finished.folder), "--set", "head_rate=2", "--out", str(other)]) == 0
    assert Run(other).request().recipe == dataclasses.replace(RECIPE, head_rate=2.0)


def test_runs_are_lined_up_on_the_same_clips(finished: Run, second: Run, capsys: pytest.CaptureFixture[str]) -> None:
    lined = line_up([read_outcome(finished), read_outcome(second)])
    first, other = lined.entries
    assert (first.run, other.run) == ("first", "second")
    assert (first.recipe, other.recipe) == ({"learning_rate": 1e-3}, {"learning_rate": 1e-1})
    assert (first.seed, other.seed, first.clips) == (3, 4, 4)
    assert first.against_first is None
    assert first.base == other.base
    assert other.against_first.difference == pytest.approx(other.adapted - first.adapted)
    assert other.verdict in ("better", "worse", "unclear")
    assert (lined.test_clips, len(lined.transcripts)) == (9, 9)
    assert all(len(row["adapted"]) == 2 for row in lined.transcripts)
    assert main(["compare", str(finished.folder), str(second.folder), "--json"]) == 0
    assert last_line(capsys) == json.loads(json.dumps(lined.to_json()))
    assert main(["compare", str(finished.folder), str(second.folder)]) == 0
    assert "against the first" in capsys.readouterr().out


def changed(outcome: Outcome, **changes: object) -> Outcome:
    comparison = dataclasses.replace(outcome.comparisons["test"], **changes)
    return dataclasses.replace(outcome, comparisons={"test": comparison})


def test_the_order_of_the_clips_does_not_matter(finished: Run, second: Run) -> None:
    one, two = read_outcome(finished), read_outcome(second)
    backwards = changed(two, clips=two.comparisons["test"].clips[::-1])
    turned, straight = line_up([one, backwards]), line_up([one, two])
    assert [row.pop("places") for row in turned.transcripts] == [[i, 8 - i] for i in range(9)]
    assert [row.pop("places") for row in straight.transcripts] == [[i, i] for i in range(9)]
    assert turned == straight


def test_other_test_clips_are_refused(finished: Run, second: Run, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = read_outcome(finished), read_outcome(second)
    clips = two.comparisons["test"].clips
    relabelled = dataclasses.replace(clips[0], reference="something else was said")
    for other in (changed(two, clips=clips[1:]), changed(two, clips=(relabelled, *clips[1:])), changed(two, language="sw")):
        with pytest.raises(RunError, match="first and second were tested on different clips"):
            line_up([one, other])
    with pytest.raises(RunError, match="has no test clips"):
        line_up([dataclasses.replace(one, comparisons={}), two])


def test_holm_allows_for_the_number_of_runs() -> None:
    changes = [Interval(0, 0, 0, p, 9, "sentences") for p in (0.04, 0.01, 0.03, 0.6)]
    assert [change.p_value for change in _holm(changes)] == pytest.approx([0.09, 0.04, 0.09, 0.6])
    assert _holm([]) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "RUN", "OTHER"], "were tested on different clips"),
        (["compare", "RUN", "OTHER", "CLIP"], "Give runs or sound files, not both"),
        (["compare", "RUN", "nowhere"], "There is no file nowhere"),
        (["compare", "EMPTY"], "There is no run in"),
        (["compare", "WAITING"], "has no adapted model yet"),
        (["report", "WAITING"], "has no adapted model yet"),
        (["report", "EMPTY"], "There is no run in"),
        (["finetune", "--again", "EMPTY", "--out", "OUT"], "There is no run in"),
        (["finetune", "--again", "RUN", "--set", "epochs=0", "--out", "OUT"], "epochs must be between"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(
    arguments: list[str], message: str, finished: Run, copied: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = read_json(copied.folder / "comparison.json")
    kept["test"]["clips"] = kept["test"]["clips"][1:]
    write_json(copied.folder / "comparison.json", kept)
    run_folder.create(tmp_path / "waiting", finished.request())
    names = {
        "RUN": finished.folder,
        "OTHER": copied.folder,
        "CLIP": read_sample("general").clips[0].path,
        "EMPTY": tmp_path,
        "WAITING": tmp_path / "waiting",
        "OUT": tmp_path / "out",
    }
    assert main([str(names.get(a, a)) for a in arguments]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""
    assert not (tmp_path / "out").exists()


def test_train_and_again_exclude_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    for given in ([], ["--train", "accent", "--again", "x"]):
        with pytest.raises(SystemExit):
            main(["finetune", *given, "--out", "y"])
        assert "--train" in capsys.readouterr().err


def test_a_ladder_is_read_from_its_runs(finish: Callable, tiny_ctc: Path, tmp_path: Path) -> None:
    rungs = ladder(asked(tiny_ctc, test=2, canary=()), [2, 4], repeats=1)
    done = [finish(f"rung-{rung.clips}", rung.request) for rung in rungs]
    waiting = run_folder.create(tmp_path / "waiting", rungs[0].request)
    rows = measured([*done, waiting])
    assert [(row.clips, row.repeat) for row in rows] == [(2, 3), (4, 3)]
    assert all(row.wer > 0 for row in rows)


def test_a_comparison_says_how_many_more_clips_it_takes() -> None:
    def compared(clips: int, interval: Interval) -> Comparison:
        return Comparison(tuple([None] * clips), None, None, interval, "en")  # type: ignore[arg-type]

    sure = Interval(-0.2, -0.3, -0.1, 0.001, 12, "sentences")
    assert compared(12, sure).clips_needed == 0
    assert compared(12, dataclasses.replace(sure, p_value=0.2)).clips_needed == 1
    assert compared(20, Interval(-0.1, -0.25, 0.05, 0.2, 20, "sentences")).clips_needed == pytest.approx(25, abs=8)
    assert compared(20, Interval(0.0, -0.1, 0.1, 1.0, 20, "sentences")).clips_needed is None
    assert compared(3, Interval(0.0, -0.1, 0.1, 1.0, 3, "sentences")).clips_needed == 5  # too few to be hopeless
    assert compared(3, Interval(-0.2, -0.2, -0.2, 0.2, 3, "sentences")).clips_needed == 5


def test_a_run_on_own_clips_alone_has_no_test(finish: Callable, tiny_ctc: Path, capsys: pytest.CaptureFixture[str]) -> None:
    request = asked(tiny_ctc, test=0, canary=())
    own = (Clip(request.labelled_set.clips[0].path, "my own words", "", ""),)
    run = finish("own", dataclasses.replace(request, own=own))
    assert set(read_outcome(run).comparisons) == {"own"}
    assert main(["compare", str(run.folder)]) == 0
    assert "equals result.json" in capsys.readouterr().out
