"""Step 6: the adapted model tried, the run named, its link, and a report that can be heard."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from core.runs.run_folder import Run
from demo.session.session import COOKIE


@pytest.fixture
def with_run(open_page, finished_run: Run, app_home: Path):
    """Opens the page of a visitor who has a finished run; returns the page and the visitor's folder."""

    def with_run(**how):
        page = open_page(**how)
        token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == COOKIE)
        folder = app_home / "sessions" / hashlib.sha256(token.encode()).hexdigest()[:32]
        shutil.copytree(finished_run.folder, folder / "runs" / "one")
        (folder / "choices.json").write_text(json.dumps({"run": "one", "queue": "one"}))
        page.reload()
        page.wait_for_selector("#take-home a.download")
        return page, folder

    return with_run


def test_the_adapted_model_is_tried_and_nothing_is_kept(with_run) -> None:
    page, folder = with_run()
    page.locator("#try-clip button.record-button").click()
    page.wait_for_timeout(1200)  # of sound
    page.locator("#try-clip button.stop-button:visible").click()
    page.wait_for_selector("#try-written .transcript")
    assert "The recording is deleted" in page.inner_text("#try-written")
    assert not list((folder / "recordings").rglob("*.flac"))
    assert [path for name in ("uploads", "incoming") for path in (folder / name).rglob("*") if path.is_file()] == []
    assert json.loads((folder / "choices.json").read_text()).get("clip", "") == ""


def test_a_name_is_in_the_file_s_name_and_the_report_plays(with_run, browser, tmp_path: Path) -> None:
    page, _ = with_run()
    page.fill("#run-name-text textarea, #run-name-text input", "My voice")
    page.click("#run-name-save")
    page.get_by_text("Saved: “My voice”.").wait_for()
    with page.expect_download() as download:
        page.click("#report a.download")
    assert download.value.suggested_filename == "attune-My_voice.html"
    download.value.save_as(tmp_path / "report.html")

    report = browser.new_page()
    faults: list[str] = []
    report.on("console", lambda message: faults.append(message.text))
    report.goto((tmp_path / "report.html").as_uri())
    assert report.title().startswith("My voice: ")
    seconds = report.evaluate(
        """() => new Promise((resolve) => {
          const sound = document.querySelector("audio");
          sound.addEventListener("loadedmetadata", () => resolve(sound.duration));
          sound.load();
        })"""
    )
    assert seconds > 1
    assert faults == []
    report.close()


def test_a_phone_is_offered_a_link(with_run, address: str) -> None:
    page, _ = with_run(width=390)
    assert page.locator(".share-here").is_visible()  # the test's address is a loopback one, which no other device reaches
    assert not page.locator(".share-there").is_visible()
    page.evaluate("delete document.documentElement.dataset.loopback")
    link = page.locator(".share input").input_value()
    assert link.startswith(f"{address}/shared/")
    page.click(".share button[data-share=copy]")
    page.get_by_text("Copied.").wait_for()

    stranger = page.context.browser.new_context()
    other = stranger.new_page()
    other.goto(link)
    with other.expect_download() as download:
        other.click("a[href='report.html']")
    assert download.value.suggested_filename.endswith(".html")
    stranger.close()


def test_a_computer_is_offered_the_files_alone(with_run) -> None:
    page, _ = with_run()
    assert page.locator(".share").is_hidden()
    assert "no ffmpeg" in page.inner_text("#take-home")
