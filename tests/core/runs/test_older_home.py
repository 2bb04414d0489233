"""A home that an earlier version made still opens, and says the same: see tests/fixtures/make_home.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.data.library.library import Library
from core.data.library.recordings import Recordings
from core.runs.deleted_clips import withdraw
from core.runs.ladder_job import open_ladder
from core.runs.lineup import comparable
from core.runs.outcome import read_outcome
from core.runs.report.document import write_report
from core.runs.robustness_job import find
from core.runs.run_folder import Run
from core.runs.tradeoff import points
from core.text.metrics import CONFIDENCE, student_quantile
from core.training.events import Finished
from tests.conftest import OlderHome

# By degrees of freedom. The version that made the home took them from an expansion about the normal distribution.
OLDER_QUANTILES = {1: 11.30011756347976, 2: 4.2705513418998144}
WHOLE, SHORTER = "20250101-120000-00000000", "20250101-120100-00000000"  # the second lost a test clip later


def run_of(home: OlderHome, id: str) -> Run:
    return Run(home.session / "runs" / id)


def test_own_recordings_are_listed(older_home: OlderHome) -> None:
    recordings = Recordings(older_home.session / "recordings")
    found = [[one.id, one.text, one.seconds, one.sha256] for one in recordings.all()]
    assert found == older_home.expected["recordings"]
    assert [one.id for one in recordings.removed()] == older_home.expected["removed"]
    assert all(one.path.is_file() for one in recordings.all())


def test_sets_open(older_home: OlderHome) -> None:
    library = Library(older_home.session / "library")
    stored = {one.name: one for one in library.sets()}
    assert set(stored) == set(older_home.expected["sets"]) == {"kitchen", "general"}
    for name, (id, labelled) in older_home.expected["sets"].items():
        assert stored[name].id == id
        found = stored[name].labelled()
        assert (found.name, found.language, found.synthetic) == (labelled["name"], labelled["language"], labelled["synthetic"])
        for clip, expected in zip(found.clips, labelled["clips"], strict=True):
            assert vars(clip) == vars(clip) | expected
    assert [one.clip.text for one in stored["kitchen"].left_out] == older_home.expected["left_out"]
    assert library.verify(stored["kitchen"].id) == []
    undone = library.undo(stored["kitchen"].id)
    assert [one.clip.text for one in undone.clips][-1:] == older_home.expected["left_out"]


@pytest.mark.parametrize("id", [WHOLE, SHORTER])
def test_a_run_has_the_same_figures(older_home: OlderHome, id: str) -> None:
    run, expected = run_of(older_home, id), older_home.expected["runs"][id]
    assert run.state() == "done"
    events = run.events()
    assert len(events) == older_home.expected["events"][id]
    assert isinstance(events[-1], Finished)
    request = run.request()
    assert request.model == expected["model"]
    assert request.recipe.to_json() == request.recipe.to_json() | expected["recipe"]
    assert [clip.text for clip in request.canary] == ["a quiet morning", "nobody was there"]
    outcome = read_outcome(run)
    assert outcome.differs == ()
    assert_has(outcome.to_json(), expected)


def test_a_removed_clip_stays_removed(older_home: OlderHome) -> None:
    assert len(read_outcome(run_of(older_home, WHOLE)).comparisons["test"].clips) == 3
    assert len(read_outcome(run_of(older_home, SHORTER)).comparisons["test"].clips) == 2
    assert "I'd like some tea" not in (run_of(older_home, SHORTER).folder / "request.json").read_text(encoding="utf-8")


def test_its_clips_have_the_ids_of_the_set(older_home: OlderHome) -> None:
    run = run_of(older_home, WHOLE)
    listed = {one.clip.id for one in Library(older_home.session / "library").find("kitchen").clips}
    asked = run.request()
    assert {clip.id for clip in asked.labelled_set.clips} == listed
    assert {clip.id for clip in asked.own} <= {one.id for one in Recordings(older_home.session / "recordings").all()}
    assert {clip.id for clip in read_outcome(run).comparisons["test"].clips} == {
        clip.id for clip in asked.labelled_set.part("test")
    }


def test_a_clip_that_is_deleted_today_is_taken_out(older_home: OlderHome) -> None:
    run = run_of(older_home, WHOLE)
    clip = run.request().labelled_set.part("test")[0]
    Path(clip.path).unlink()
    withdraw(run, {Path("/where/it/was/deleted") / Path(clip.path).name})
    assert clip.text not in "".join(path.read_text(encoding="utf-8") for path in run.folder.glob("*.json*"))
    assert len(read_outcome(run).comparisons["test"].clips) == 2


def test_its_models_transcribe_the_same(older_home: OlderHome) -> None:
    outcome = read_outcome(run_of(older_home, WHOLE), recompute=True)
    assert outcome.differs == ()
    assert outcome.recomputed


def test_the_report_has_the_same_figures(older_home: OlderHome, tmp_path: Path) -> None:
    html, _, figures = write_report(read_outcome(run_of(older_home, WHOLE)), folder=tmp_path)
    read = json.loads(figures.read_text(encoding="utf-8"))
    expected = older_home.expected["runs"][WHOLE]
    assert_has(read, expected)
    assert read["versions"] == expected["versions"]
    assert "kitchen" in html.read_text(encoding="utf-8")
    assert len(read["robustness"]) == len(find(run_of(older_home, WHOLE)).points()) > 1


def test_a_ladder_has_the_same_figures(older_home: OlderHome) -> None:
    ladder = open_ladder(older_home.session / "ladders" / "20250101-120200-00000000")
    assert len(ladder.finished()) == 4
    expected = older_home.expected["ladder"]
    assert [vars(row) for row in ladder.measured()] == expected["rows"]
    assert ladder.base() == expected["base"]
    assert ladder.result() == expected


def test_it_is_in_the_same_picture_as_other_runs(older_home: OlderHome) -> None:
    whole, shorter = (run_of(older_home, id) for id in (WHOLE, SHORTER))
    assert [point.run for point in points([whole, shorter], whole)] == ["", WHOLE]  # the other lost a clip
    assert comparable([whole, shorter], whole) == [whole]


def with_exact_ends(expected: dict[str, Any]) -> dict[str, Any]:
    """An interval as it is with Student's quantile itself; other figures as they are."""
    if not {"difference", "low", "high", "clusters"} <= expected.keys() or expected["clusters"] < 2:
        return expected
    freedom, middle = expected["clusters"] - 1, expected["difference"]
    wider = student_quantile((1 + CONFIDENCE) / 2, freedom) / OLDER_QUANTILES[freedom]
    return expected | {end: middle + wider * (expected[end] - middle) for end in ("low", "high")}


def assert_has(found: Any, expected: Any, where: str = "") -> None:
    """Whether everything that was there is there, and the same; what this version adds does not matter."""
    if isinstance(expected, dict):
        expected = with_exact_ends(expected)
        assert expected.keys() <= found.keys(), where
        for key, value in expected.items():
            assert_has(found[key], value, f"{where}.{key}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), where
        for place, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_has(one, other, f"{where}[{place}]")
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, abs=1e-9), where
    else:
        assert found == expected, where
