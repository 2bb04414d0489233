"""Who uses the keyboard, a screen reader or little light: focus, contrast, labels, what is read out; and starting over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pytest

FLIP_MS = 400_000
MOST_TABS = 12
LOST_MS = 600  # the focus may be nowhere while a button answers, no longer
LOOKS = [("en-US", "light", 1280), ("en-US", "dark", 390), ("zh-CN", "light", 390), ("zh-CN", "dark", 1280)]
FOCUSED = """() => {
  const e = document.activeElement, outline = getComputedStyle(e), box = e.getBoundingClientRect();
  const drawn = outline.outlineStyle !== "none" && parseFloat(outline.outlineWidth) >= 2 && box.width > 0;
  return { name: e.id || e.className || e.tagName, visible: drawn || e.tagName === "AUDIO" };
}"""
WATCH = f"""() => {{
  window.seen = {{ lost: [], said: [] }};
  let since = 0, last = "";
  setInterval(() => {{
    const here = document.activeElement;
    if (here !== document.body) [since, last] = [0, here.id || here.className];
    else if (!since) since = performance.now();
    else if (performance.now() - since > {LOST_MS} && seen.lost.at(-1) !== last) seen.lost.push(last);
  }}, 50);
  const region = document.querySelector("#announced");
  new MutationObserver(() => region.textContent && seen.said.push(region.textContent)).observe(region, {{ childList: true }});
}}"""
# Elements that are refreshed while a fine-tune goes on, and would be read out each time.
NOISY = """() => [...document.querySelectorAll(":is(#progress, #headline) :is([role=status], [role=alert], [aria-live])")]
  .map((e) => e.outerHTML)"""


@contextmanager
def opened(browser, address: str, **how: Any) -> Iterator[Any]:
    """A page of a new visitor, or of one whose state is given, in a browser that is set as asked."""
    context = browser.new_context(permissions=["microphone"], **how)
    try:
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.goto(address)
        page.wait_for_selector("#set-brief .size, #set-brief .note")
        page.wait_for_selector("#start:not([disabled])")
        yield page
    finally:
        context.close()


def violations(page) -> list[str]:
    """Returns what axe finds that is serious or critical."""
    page.evaluate((resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8") + ";0")
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
    grave = [one for one in found["violations"] if one["impact"] in ("serious", "critical")]
    assert found["passes"], "axe looked at something"
    return [f"{one['id']}: {node['html'][:200]} {node['failureSummary']}" for one in grave for node in one["nodes"]]


@dataclass(frozen=True)
class Journey:
    """From record to result by keyboard alone.

    Attributes:
        stops: what had the focus, after every Tab.
        lost: what had the focus before it was nowhere.
        said: what was read out.
        noisy: what would be read out all the time while a fine-tune goes on.
        state: the visitor's cookies.
    """

    stops: list[dict[str, Any]]
    lost: list[str]
    said: list[str]
    noisy: list[str]
    state: Any


@pytest.fixture(scope="module")
def journey(browser, address: str) -> Journey:
    stops: list[dict[str, Any]] = []
    with opened(browser, address, locale="en-US", viewport={"width": 1280, "height": 900}) as page:

        def tab_to(selector: str) -> None:
            while not page.evaluate("selector => document.activeElement.matches(selector)", selector):
                page.keyboard.press("Tab")
                stops.append(page.evaluate(FOCUSED))
                assert len(stops) <= 2 * MOST_TABS, [stop["name"] for stop in stops]

        page.locator("#clip .mic-select option").first.wait_for(state="attached")  # the microphone is known
        page.locator("#clip button.record-button").focus()
        page.evaluate(WATCH)
        page.keyboard.press("Enter")
        page.locator("#clip .stop-button").wait_for()
        page.wait_for_timeout(3000)  # of speech
        tab_to(".stop-button")
        page.keyboard.press("Enter")
        page.wait_for_selector("#base-transcript", timeout=180_000)
        tab_to("#start")
        page.keyboard.press("Enter")
        page.wait_for_selector("#headline .live", timeout=FLIP_MS)
        noisy = page.evaluate(NOISY)
        page.wait_for_selector("#headline [data-said]", timeout=FLIP_MS)
        page.wait_for_function("seen.said.length")
        page.wait_for_timeout(2 * LOST_MS)  # for what would be lost, or said again
        seen = page.evaluate("seen")
        return Journey(stops, seen["lost"], seen["said"], noisy, page.context.storage_state())


def test_from_record_to_result_by_keyboard(journey: Journey) -> None:
    assert len(journey.stops) <= MOST_TABS, [stop["name"] for stop in journey.stops]
    assert not [stop["name"] for stop in journey.stops if not stop["visible"]]
    assert journey.lost == []


def test_the_result_is_read_out_once_and_progress_is_not(journey: Journey) -> None:
    (said,) = journey.said
    assert said.startswith("Fine-tuning is done. Errors: ")
    assert journey.noisy == []


@pytest.mark.parametrize(("locale", "scheme", "width"), LOOKS)
def test_a_fresh_page_and_the_sentences_to_read_have_no_grave_faults(
    browser, address: str, locale: str, scheme: str, width: int
) -> None:
    look = {"locale": locale, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    with opened(browser, address, **look) as page:
        assert page.evaluate("document.body.classList.contains('dark')") == (scheme == "dark")
        assert violations(page) == []
        page.click("#read")
        page.locator("#prompt").wait_for()
        assert violations(page) == []
        page.click("#read-done")
        page.click("#start-anew-ask")
        assert violations(page) == []


@pytest.mark.parametrize(("locale", "scheme", "width"), LOOKS)
def test_a_result_and_the_lab_have_no_grave_faults(
    browser, address: str, journey: Journey, locale: str, scheme: str, width: int
) -> None:
    look = {"locale": locale, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    with opened(browser, address, storage_state=journey.state, **look) as page:
        page.wait_for_selector("#headline [data-said]")
        page.wait_for_selector("#clips .pair, #clip-list .pair", state="attached")
        assert violations(page) == []
        page.evaluate("document.querySelectorAll('.step:not([data-open]) .fold').forEach((title) => title.click())")
        for _ in range(2):  # panels, and panels within them
            page.evaluate("""() => [...document.querySelectorAll(".label-wrap:not(.open)")]
              .filter((panel) => panel.checkVisibility()).forEach((panel) => panel.click())""")
            page.wait_for_timeout(1500)
        assert page.locator("#use-model, #data-choice, #find-rate").first.is_visible()
        assert violations(page) == []


def test_nothing_moves_for_who_wants_it_still(browser, address: str) -> None:
    with opened(browser, address, reduced_motion="reduce", viewport={"width": 390, "height": 700}) as page:
        moving = page.evaluate("""() => [...document.querySelectorAll("*")].filter((e) => {
          const { animationName, transitionDuration, scrollBehavior } = getComputedStyle(e);
          return animationName !== "none" || parseFloat(transitionDuration) > 0 || scrollBehavior === "smooth";
        }).map((e) => e.outerHTML.slice(0, 120))""")
        assert moving == []
        page.locator('#bar a[href="#step-data"]').click()
        assert page.evaluate("document.querySelector('#step-data').getBoundingClientRect().top < innerHeight")


def test_starting_over_asks_and_forgets(browser, address: str) -> None:
    inside = "document.querySelector('#start-anew').contains(document.activeElement)"
    with opened(browser, address, locale="en-US") as page:
        page.locator('#bar a[href="#step-model"]').click()
        page.locator('#set input[value="noise"]').check()
        page.wait_for_selector("#set-brief:has-text('noise'), #bar a[data-text*='Noise']")
        page.reload()
        page.wait_for_selector('#set input[value="noise"]:checked', state="attached")
        page.locator("#start-anew-ask").press("Enter")
        for key in ("Tab", "Tab", "Tab", "Shift+Tab"):
            assert page.evaluate(inside)
            page.keyboard.press(key)
        page.keyboard.press("Escape")
        assert not page.locator("#start-anew").is_visible()
        assert page.evaluate("document.activeElement.id") == "start-anew-ask"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "start-anew-keep"  # the harmless one
        before = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
        page.keyboard.press("Tab")
        with page.expect_navigation():
            page.keyboard.press("Enter")
        page.wait_for_selector('#set input[value="accent"]:checked', state="attached")
        assert page.locator(".step[data-open]").count() == 0
        after = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
        assert before.keys() == after.keys()
        assert all(after[name] != value for name, value in before.items() if "session" in name.lower())
