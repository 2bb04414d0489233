"""What the page says of work that goes on, and of its end."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from core.runs.job_folder import Expected, Job
from core.runs.result import Seconds
from core.runs.run_folder import Run
from core.storage.files import write_json
from core.training.events import Advanced, Entered, Failed, Finished, Prepared, Stepped, Trained
from demo.show.progress import bar, fetching, going, job_progress, run_progress
from demo.show.waiting import Ahead, waiting
from demo.wording import Wording
from tests.demo.show.test_markup import HOSTILE, result, tags

LANGUAGES = [Wording("en"), Wording("zh-CN")]
W = LANGUAGES[0]


def test_a_bar_has_a_label_and_says_its_share_where_there_are_no_bars() -> None:
    assert bar(0.3125, "How far") == '<progress value="0.312" max="1" aria-label="How far">31%</progress>'
    assert bar(0.5, "How far", "12").endswith(">12</progress>")


def test_what_goes_on_is_not_read_out_each_time() -> None:
    shown = going("Half.", 0.5, "How far", "running", "<b>also</b>")
    assert "role=" not in shown
    assert shown.startswith('<div class="progress" data-state="running">')
    assert shown.index("Half.") < shown.index('<progress value="0.500"') < shown.index("<b>also</b>")
    unknown = going("Some.", None, "How far")
    assert "<progress" not in unknown
    assert "data-state" not in unknown
    assert not tags(going(HOSTILE, 0.5, HOSTILE) + bar(0.5, HOSTILE, HOSTILE)) & {"img", "script"}


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
def test_a_fetch_says_how_far_it_is(w: Wording) -> None:
    assert fetching("a/b", 5, 0, None, False, w) != fetching("a/b", 5, 0, None, True, w)
    shown = fetching("a/b", 25_000_000, 100_000_000, 300.0, False, w)
    assert 'value="0.250"' in shown
    assert w("model.fetching", id="a/b", done="25", total="100") in shown
    assert w("time.minutes", n="5.0") in shown


RESULT = dataclasses.replace(result(), steps=9, best_step=6, seconds=Seconds(1.0, 100.0, 19.0))


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
@pytest.mark.parametrize(
    ("changes", "key", "fact", "kind"),
    [
        ({}, "adapt.done", "facts.kept_steps", "info"),
        ({"stopped": True}, "adapt.stopped", "facts.kept_steps", "info"),
        ({"blend": 0.5}, "adapt.done", "facts.kept_blend", "info"),
        ({"best_step": 0}, "adapt.done_base", "facts.kept_base", "warning"),
        ({"best_step": 0, "stopped": True}, "adapt.stopped_base", "facts.kept_base", "warning"),
        ({"steps": 0, "best_step": 0, "stopped": True}, "adapt.untrained", "", "info"),
    ],
)
def test_a_run_says_what_was_kept(changes: dict[str, Any], key: str, fact: str, kind: str, w: Wording, tmp_path: Path) -> None:
    made = dataclasses.replace(RESULT, **changes)
    write_json(tmp_path / "result.json", made.to_json())
    shown = run_progress(Run(tmp_path), "done", [Finished(120.0)], w)
    assert w(key, steps=w(fact, steps=9, best=6, a="0.5") if fact else "") in shown
    assert f'class="note {kind}"' in shown
    assert (w("time.minutes", n="2.0") in shown) == bool(fact)  # 120 s in all


def test_a_run_of_an_earlier_version_takes_what_its_result_lacks_from_its_events(tmp_path: Path) -> None:
    write_json(tmp_path / "result.json", result().to_json())
    shown = run_progress(Run(tmp_path), "done", [Trained(9, 6, True, 0.1, 2.0, 1.0), Finished(3.0)], W)
    assert "Stopped early: 9 steps, weights after step 6 kept." in shown
    assert "It took" not in shown
    (tmp_path / "result.json").write_text("{")
    assert 'class="note error"' in run_progress(Run(tmp_path), "done", [], W)


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
@pytest.mark.parametrize("kind", ["ladder", "robustness", "blend"])
def test_a_job_says_where_it_stands(kind: str, w: Wording, tmp_path: Path) -> None:
    write_json(tmp_path / "request.json", {"kind": kind})
    job = Job(tmp_path)
    seen = [job_progress(job, w)]
    assert "<progress" in seen[-1]
    with job.lock():
        for event in (Entered("loading"), Advanced(2.5, 8, 300.0)):
            job.append(event)
            seen.append(job_progress(job, w))
        assert 'value="0.312"' in seen[-1]
        assert w("time.minutes", n="5.0") in seen[-1]
        job.ask_to_stop()
        seen.append(job_progress(job, w))
    seen.append(job_progress(job, w))
    assert 'data-state="interrupted"' in seen[-1]
    job.append(Failed("job_stopped", "Stopped.", {}))
    seen.append(job_progress(job, w))
    assert w("error.job_stopped") in seen[-1]
    assert "error" not in seen[-1].split(">")[1]  # it was asked for
    job.append(Failed("unexpected", "secret", {}))
    seen.append(job_progress(job, w))
    assert "secret" not in seen[-1]
    job.append(Finished(80.0))
    write_json(tmp_path / "result.json", {})
    seen.append(job_progress(job, w))
    assert w("time.seconds", n=80) in seen[-1]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("w", LANGUAGES, ids=lambda w: w.language)
def test_who_waits_is_told_the_place_and_who_does_not_never_reads_of_a_queue(w: Wording, tmp_path: Path) -> None:
    write_json(tmp_path / "request.json", {})
    run = Run(tmp_path)
    for ahead in (Ahead(2, 118.0), Ahead(2, None)):
        for shown in (run_progress(run, "waiting", [], w, ahead), job_progress(run, w, ahead)):
            assert waiting(ahead, w) in shown
    assert w("queue.starting") in run_progress(run, "waiting", [], w)
    assert w("queue.starting") in job_progress(run, w)
    assert w("phase.loading") in run_progress(run, "running", [Entered("loading")], w)
    run.ask_to_stop()
    assert w("adapt.stopping") in run_progress(run, "waiting", [], w, Ahead(2, 118.0))


def test_what_is_left_of_a_run_includes_what_follows_training(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.expect(Expected(60.0, 15.0))
    happened = [Entered("loading"), Entered("training", 3), Prepared(3, 0.1, 9, 1, 2, 0.1), Stepped(5, 1.0, 0.0, 5.0, 10.0)]
    for event in happened:
        run.append(event)
    assert "about 25 s left" in run_progress(run, "running", happened, W)
    assert "About 60 s left." in run_progress(run, "running", happened[:1], W)
