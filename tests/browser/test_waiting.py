"""What someone who waits sees: what is missing for a start, place and time in the queue, and the run after a reload."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.runs.job_folder import Expected
from core.runs.run_folder import Run, new_id
from core.storage.files import write_json
from core.training.events import Failed
from demo.background.queue import JobQueue

WAIT = 180_000  # milliseconds, on a busy machine


def wait_for_text(page, selector: str, words: str) -> None:
    """Waits until an element says something."""
    page.wait_for_function(
        "([selector, words]) => document.querySelector(selector)?.innerText.includes(words)",
        arg=[selector, words],
        timeout=WAIT,
    )


@pytest.fixture
def someone_else(app_home: Path) -> Iterator[Run]:
    """A run of another visitor, which is first in the queue and takes two minutes."""
    run = Run(app_home / "sessions" / "someone-else" / "runs" / f"secret-{new_id()}")
    run.folder.mkdir(parents=True)
    write_json(run.folder / "request.json", {})
    run.expect(Expected(120.0))
    JobQueue(app_home / "turns").join(run)
    with run.lock():
        yield run
    if not run.events():
        run.append(Failed("stopped_early", "Stopped before it began.", {}))


@pytest.mark.parametrize(
    ("locale", "ahead", "place", "starting"),
    [
        ("en-US", "1 job is ahead of you: about 2.0 min.", "2nd in the queue: starts by itself in about 2.0 min.", "Starting"),
        ("zh-CN", "前面还有 1 项任务：约需 2.0 分钟。", "排在第 2 位：约 2.0 分钟后自动开始。", "正在"),
    ],
    ids=["en", "zh"],
)
def test_place_and_time(open_page, someone_else: Run, locale: str, ahead: str, place: str, starting: str) -> None:
    page = open_page(locale)
    wait_for_text(page, "#forecast", ahead)
    page.click("#start")
    wait_for_text(page, "#progress", place)
    assert page.is_disabled("#start")
    page.reload()
    wait_for_text(page, "#progress", place)
    assert "secret" not in page.content()
    someone_else.append(Failed("stopped_early", "Stopped before it began.", {}))
    wait_for_text(page, "#progress", starting)
    assert place not in page.inner_text("#progress")
    page.click("#stop")
    page.wait_for_selector("#start:not([disabled])", timeout=WAIT)


def test_a_start_says_what_is_missing_and_is_enabled_once_there_is_a_forecast_or_none(open_page) -> None:
    page = open_page()
    page.get_by_label("My own clips").first.check()
    wait_for_text(page, "#forecast", "There are no clips of your own yet. Record at least 3 different sentences")
    assert page.is_disabled("#start")
    assert "0 clips" not in page.inner_text("#recipe")
    page.reload()
    wait_for_text(page, "#forecast", "There are no clips of your own yet.")
    assert page.is_disabled("#start")
    page.get_by_label("Accent").first.check()
    page.wait_for_selector("#start:not([disabled])", timeout=WAIT)
    page.wait_for_function(
        "/The time will be known|Forecast/.test(document.querySelector('#forecast')?.innerText)", timeout=WAIT
    )
    assert page.is_enabled("#start")
