"""The comparison in a real browser: words that are heard, clips that are looked through, runs lined up."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from core.data.samples import read_sample
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.request import Request
from core.runs.run_folder import Run
from core.training.recipe import Recipe
from demo.session import session

TEST_CLIPS, CANARY_CLIPS = 12, 2
SETTLED = """() => {
  const [last, now] = [window.lastShown, document.querySelector("#held-out article")];
  window.lastShown = now;
  return now !== null && now === last;
}"""
WATCHED = """() => {
  window.sounded = [];
  const note = (change) => { if (change.target.classList.contains("sounding")) sounded.push(change.target.dataset.word); };
  new MutationObserver((changes) => changes.forEach(note))
    .observe(document.body, { subtree: true, attributes: true, attributeFilter: ["class"] });
}"""


@pytest.fixture(scope="module")
def finished(app_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a few steps with the real weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTUNE_HOME", str(app_home))
        whole = read_sample("accent")
        parts = (("train", 8), ("validation", 2), ("test", TEST_CLIPS))
        labelled = dataclasses.replace(whole, clips=tuple(clip for part, n in parts for clip in whole.part(part)[:n]))
        recipe = Recipe(trains="decoder", learning_rate=5e-5, epochs=3, batch_size=8, evaluations=1)
        canary = read_sample("general").clips[:CANARY_CLIPS]
        folder = tmp_path_factory.mktemp("compared") / "20260101-100000-aaaaaaaa"
        run = run_folder.create(folder, Request("whisper-tiny.en", labelled, canary, (), recipe))
        list(execute(run))
    return run


@pytest.fixture
def compared(open_page, app_home: Path, finished: Run, monkeypatch: pytest.MonkeyPatch):
    """Opens the page as a visitor with two finished runs, and returns it with the run that is shown."""
    monkeypatch.setenv("ATTUNE_HOME", str(app_home))

    def opened(locale: str = "en-US", width: int = 1280):
        page = open_page(locale, width)
        (token,) = (cookie["value"] for cookie in page.context.cookies() if cookie["name"] == session.COOKIE)
        mine = session.find(token)
        ids = ("20260101-100000-aaaaaaaa", "20260101-110000-bbbbbbbb")
        for id in ids:
            shutil.copytree(finished.folder, mine.folder / "runs" / id)
        mine.choose(run=ids[1], queue=ids[1])
        page.reload()
        page.wait_for_selector("#held-out article")
        page.wait_for_selector("#lineup")
        # The page shows the clips once more while it loads: what has the focus then is replaced.
        page.wait_for_function(SETTLED, polling=2_000)
        return page, mine.run(ids[1])

    return opened


def count(page, articles: int, where: str = "#held-out article") -> None:
    page.wait_for_function(f"document.querySelectorAll('{where}').length === {articles}")


def test_a_word_is_heard_from_the_keyboard_and_by_pressing_it(compared) -> None:
    page, run = compared()
    pair = page.locator("#held-out article").first
    words = pair.locator(".side.adapted [data-word]")
    assert pair.locator('[data-word][tabindex="0"]').count() == 2  # one stop a transcript
    words.first.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.dataset.word") == "1"
    page.evaluate(WATCHED)
    page.keyboard.press("Enter")
    page.wait_for_function("sounded.includes('1')", timeout=300_000)  # the forecast of step 4 may hold the models
    told = pair.locator(".finding").inner_text()
    word, start, end = re.fullmatch(r"“(.+)”: ([\d.]+) to ([\d.]+) s", told).groups()
    assert word == words.nth(1).evaluate("word => word.firstChild.textContent")
    assert 0 <= float(start) <= float(end) <= 30
    page.wait_for_function("!document.querySelector('.word.sounding')")  # and no more of it
    index = pair.get_attribute("data-times").rsplit("/", 1)[1]
    assert (run.folder / "times" / f"test-{index}.json").is_file()
    pair.locator(".side.base [data-word]").first.click()
    page.wait_for_function(f"!document.querySelector('#held-out .finding').innerText.startsWith('“{word}”')")
    stranger = page.context.browser.new_context()  # another visitor asks for the same
    answer = stranger.request.get(page.url.split("/en/")[0] + pair.get_attribute("data-times"))
    assert answer.json().keys() == {"error"}
    stranger.close()
    Path(run.folder / "adapted" / "config.json").unlink()  # what is wrong is said beside the clip
    other = page.locator("#held-out article").nth(1)
    other.locator("[data-word]").first.click()
    page.wait_for_function("document.querySelectorAll('#held-out .finding')[1].innerText.length > 0")


def test_clips_are_played_one_after_the_other(compared) -> None:
    page, _ = compared()
    button = page.locator(".play-all")
    label = button.inner_text()
    button.click()
    page.wait_for_selector(".pair.sounding")
    assert button.inner_text() == "Stop playing"
    page.wait_for_function("[...document.querySelectorAll('.pair audio')].some(audio => !audio.paused)")
    button.click()
    page.wait_for_function("![...document.querySelectorAll('.pair audio')].some(audio => !audio.paused)")
    assert button.inner_text() == label


def test_clips_are_turned_filtered_searched_and_switched(compared) -> None:
    page, run = compared()
    count(page, 10)
    page.click("#clips-forward")
    count(page, 2)
    assert "11–12 of 12 clips" in page.inner_text("#clips-where")
    page.click("#clips-back")
    count(page, 10)
    clips = run.comparisons()["test"].clips
    word = clips[0].reference.split()[2]
    holding = [any(word in getattr(clip, name).lower() for name in ("reference", "base", "adapted")) for clip in clips]
    page.fill("#clips-search textarea, #clips-search input", word.upper())
    count(page, sum(holding))
    page.fill("#clips-search textarea, #clips-search input", "no such word")
    page.wait_for_selector("#held-out .note")
    assert "No clip matches" in page.inner_text("#held-out")
    page.fill("#clips-search textarea, #clips-search input", "")
    count(page, 10)
    page.locator('#clips-group input[value="canary"]').check()
    count(page, CANARY_CLIPS)
    assert "/canary/" in page.locator("#held-out audio").first.get_attribute("src")


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1280), ("zh-CN", 390)])
def test_what_was_learned_and_forgotten_and_runs_lined_up(compared, locale: str, width: int) -> None:
    page, _ = compared(locale, width)
    for panel in ("learned-panel", "forgotten-panel", "lineup"):
        page.locator(f"#{panel} > button").click()
    page.wait_for_selector("#learned table >> nth=2")
    page.wait_for_selector("#forgotten .picture svg")
    assert page.locator("#lineup-choice input:checked").count() == 2
    page.click("#lineup-go")
    page.wait_for_selector("#lineup-rates tbody tr >> nth=1")
    count(page, 10, "#lineup-clips article")
    page.click("#lineup-forward")
    count(page, 2, "#lineup-clips article")
    last = page.locator("#lineup-clips article").last
    last.locator("[data-words]").last.locator("[data-word]").first.click()  # by the second run's own times
    page.wait_for_function(
        "/ [\\d.]+ .*s|秒/.test([...document.querySelectorAll('.lined .finding')].at(-1).innerText)", timeout=300_000
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
