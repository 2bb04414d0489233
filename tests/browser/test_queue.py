"""Runs that are queued together: the control from random weights, and the sweep over lambda.

The network is a small random wav2vec 2.0: a random Whisper writes nonsense to its full length, which takes twice as long.
"""

from __future__ import annotations

from pathlib import Path

from tests.browser.conftest import OWNERS

SWEPT = ("0", "0.0001", "0.001", "0.01", "0.1")
WAIT = 300_000  # milliseconds, for runs one after the other on a busy machine


def wait_for_queue(page, done: int) -> None:
    """Waits until that many runs of the queue are whole and none is left."""
    page.wait_for_selector("#start:not([disabled])")
    page.wait_for_selector('#progress [data-state="done"]')
    page.wait_for_function(f"document.querySelectorAll('#tradeoff svg circle').length === {done}")


def wait_for_forecast(page, before: str = "") -> str:
    """Waits until there is a forecast, another than the one before, and returns it."""
    said = "document.querySelector('#forecast')?.innerText.match(/Forecast for this computer.*/)?.[0]"
    page.wait_for_function(f"before => ({said} ?? before) !== before", arg=before)
    return page.evaluate(said)


def wait_for_recipe(page, words: str) -> None:
    """Waits until the recipe says so: what is changed before a preset has come would be undone by it."""
    page.wait_for_function(f"document.querySelector('#recipe')?.innerText.includes('{words}')")


def test_the_control_and_the_lambda_sweep(open_page, address: str, tiny_ctc: Path) -> None:
    page = open_page(path=OWNERS[address])
    page.set_default_timeout(WAIT)
    before = wait_for_forecast(page)
    choice = page.locator("#step-model input[role=combobox]")
    choice.fill(str(tiny_ctc))
    choice.press("Enter")
    page.click("#use-model")
    wait_for_forecast(page, before)  # the new model has brought its recipe
    page.locator("#preset").get_by_label("Careful").check()
    wait_for_recipe(page, "Forgetting is to be avoided")
    page.get_by_text("Change the recipe").click()
    page.get_by_role("tab", name="How fast").click()
    page.get_by_label("Epochs").fill("1")
    wait_for_recipe(page, "1 pass over")
    page.locator("#control input").check()
    page.click("#start")
    page.wait_for_function("document.querySelector('#progress')?.innerText.includes('of 2')")
    page.get_by_text("Gain against forgetting").wait_for()
    page.get_by_text("Gain against forgetting").click()
    wait_for_queue(page, done=2)
    assert "trained from scratch" in page.inner_text("#control-result")

    page.click("#sweep")
    page.wait_for_function("document.querySelector('#progress')?.innerText.includes('of 5')")
    assert page.is_disabled("#start")
    page.reload()  # the queue goes on without the page
    page.wait_for_function("document.querySelector('#progress')?.innerText.includes('of 5')")
    page.get_by_text("Gain against forgetting").click()
    wait_for_queue(page, done=7)
    assert page.locator("#tradeoff svg polyline.curve").count() == 1
    table = page.inner_text("#tradeoff table")
    assert all(strength in table for strength in SWEPT)
    assert page.locator("#progress .note.error").count() == 0
