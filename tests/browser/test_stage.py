"""The stage: the flip on one screen, on a desktop and on a phone."""

from __future__ import annotations

import pytest
import soundfile

from tests.browser.test_record import shows

FLIP_MS = 400_000


def is_in_view(page, selector: str) -> bool:
    box = page.locator(selector).bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"]


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_fresh_page_shows_the_whole_stage_and_no_more(open_page, locale: str) -> None:
    page = open_page(locale, 1280, unfolded=False, height=800)
    page.wait_for_function("document.querySelector('#bar a.done')")
    for card in ("#bar", "#stage-say", "#stage-teach", "#stage-flip", "#wall"):
        assert is_in_view(page, card), card
    assert page.locator(".step .fold").count() == 7
    assert page.locator(".step .lead >> visible=true").count() == 0
    assert not page.locator("#reading").is_visible()


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_phone_shows_the_cards_one_below_the_other(open_page, locale: str) -> None:
    page = open_page(locale, 390, unfolded=False, height=844)
    tops = [page.locator(card).bounding_box()["y"] for card in ("#stage-say", "#stage-teach", "#stage-flip", "#wall")]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_click_flips_the_sample_set_and_the_result_comes_into_view_once(open_page) -> None:
    page = open_page(width=390, unfolded=False, height=844)
    page.click("#start")
    page.wait_for_selector(".bar a.running")
    page.wait_for_selector("#headline .pair.live", timeout=FLIP_MS)  # its words change while the model learns
    page.wait_for_selector("#headline .errors", timeout=FLIP_MS)
    page.wait_for_function("document.querySelector('#wall').getBoundingClientRect().top < innerHeight / 2")
    assert page.evaluate("document.activeElement.closest('#wall')") is None
    size = "e => parseFloat(getComputedStyle(e).fontSize)"
    pair = page.locator("#headline .heard").first.evaluate(size)
    assert pair >= max(page.locator(other).first.evaluate(size) for other in ("h1", ".stage-card h2", "#headline .cost"))
    assert "→" in page.inner_text("#headline .errors b")
    assert page.locator("#bar a.done").count() >= 5
    page.evaluate("scrollTo(0, 0)")
    page.reload()  # where the visitor was, the result in sight, and nothing scrolls by itself
    page.wait_for_selector("#headline .errors")
    page.wait_for_timeout(1000)
    assert page.evaluate("scrollY") == 0

    page.keyboard.press("p")
    page.wait_for_selector("#wall[data-presenting]")
    assert page.locator("#wall").evaluate("w => getComputedStyle(w).position") == "fixed"
    assert page.locator("#wall").evaluate("w => w.scrollHeight <= w.clientHeight && w.scrollWidth <= w.clientWidth")
    large = page.locator("#headline .heard").first.evaluate(size)
    assert large >= 16
    assert not page.locator("#headline .cost").is_visible()
    dark = page.evaluate("document.body.classList.contains('dark')")
    page.keyboard.press("l")
    assert page.evaluate("document.body.classList.contains('dark')") != dark
    page.keyboard.press("Escape")
    assert page.locator("#headline .cost").is_visible()
    assert page.evaluate("document.activeElement.id") == "present"


def test_a_step_opens_from_the_bar_and_stays_open(open_page) -> None:
    page = open_page(unfolded=False)
    page.wait_for_function("document.querySelector('#bar a.done')")
    assert not page.locator("#use-model").is_visible()
    page.locator('#bar a[href="#step-model"]').click()
    page.locator("#use-model").wait_for()
    assert page.locator("#step-model .fold").get_attribute("aria-expanded") == "true"
    shows(page, "#step-model .fold .state", "whisper")
    page.reload()
    page.locator("#use-model").wait_for()
    page.mouse.wheel(0, 3000)
    page.wait_for_function("scrollY > 200")
    assert is_in_view(page, "#bar")
    page.locator("#step-model .fold").press("Enter")
    page.locator("#use-model").wait_for(state="hidden")


def test_reading_stops_by_itself_keeps_a_good_take_and_goes_on(open_page, spoken) -> None:
    page = open_page(unfolded=False)
    page.click("#read")
    first = page.inner_text("#prompt .prompt")
    page.wait_for_function("document.querySelector('#set input[value=own]').checked")
    page.dblclick("#record")  # the only click for this sentence, and a double click is one
    page.wait_for_function("first => document.querySelector('#prompt .prompt').innerText !== first", arg=first, timeout=60_000)
    shows(page, "#prompt-place", "1 of 10")
    page.wait_for_selector("#take-heard .heard", timeout=180_000)
    assert page.inner_text("#record") == "Record"
    page.reload()
    page.locator("#reading").wait_for()
    shows(page, "#prompt-place", "1 of 10")


def test_what_was_done_last_counts_and_clear_clears(open_page, spoken) -> None:
    sound, text = spoken
    page = open_page(unfolded=False)
    assert not page.locator("#correct").is_visible()
    page.locator("#clip button.record-button").click()
    page.wait_for_timeout(1000 * (soundfile.info(str(sound)).duration + 0.8))
    page.locator("#clip button.stop-button").click()
    page.wait_for_selector("#base-transcript", timeout=180_000)
    page.fill("#correct textarea", text)
    page.click("#add-clip")
    shows(page, "#added", text)
    page.wait_for_function("document.querySelector('#set input[value=own]').checked")
    page.wait_for_selector("#start[disabled]")  # one clip is too few
    assert page.inner_text("#forecast").strip()
    page.locator("#clip button[aria-label='Clear']").click()
    page.locator("#base-transcript").wait_for(state="detached")
    assert not page.locator("#correct").is_visible()
    page.reload()
    page.wait_for_selector("#set-brief .size")
    assert page.locator("#base-transcript").count() == 0
