"""Where the browser gives no microphone, the page says why and takes a file instead."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from demo.server.addresses import on_the_network
from demo.wording import Wording
from tests.browser.setup import system_browser

UNPLUGGED = ("--no-sandbox", "--disable-background-networking")
REFUSING = """
navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("The test says no.", "%s"); };
navigator.mediaDevices.enumerateDevices = async () => [{ kind: "audioinput", deviceId: "", groupId: "", label: "" }];
"""
FIRST_BUSY = """
const asked = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
let times = 0;
navigator.mediaDevices.getUserMedia = async (wanted) => {
  if (++times === 1) throw new DOMException("Somebody else has it.", "NotReadableError");
  return asked(wanted);
};
"""
IN_SIGHT = "e => { const b = e.getBoundingClientRect(); return b.height > 20 && b.top >= 0 && b.bottom <= innerHeight + 1; }"
LANGUAGES = {"en": "en-US", "zh-CN": "zh-CN"}


@pytest.fixture
def visit(browser, address: str) -> Iterator[Callable]:
    """Opens the app with the microphone of the tests, but as a visitor who has given no permission to use it."""
    contexts = []

    def visit(language: str = "en", script: str = "", at: str = address):
        contexts.append(browser.new_context(locale=LANGUAGES[language], viewport={"width": 1280, "height": 900}))
        page = contexts[-1].new_page()
        page.set_default_timeout(60_000)
        if script:
            page.add_init_script(script)
        page.goto(f"{at}/{language}/")
        page.wait_for_selector("#set-brief .size")
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture
def unplugged(playwright, browser):
    """A browser of a computer without a microphone."""
    launched = playwright.chromium.launch(executable_path=system_browser(), args=UNPLUGGED)
    yield launched
    launched.close()


@contextmanager
def shared(home: Path) -> Iterator[str]:
    """The address by which other computers open an app that serves the network; skips the test where there is no network."""
    if not on_the_network("0.0.0.0"):
        pytest.skip("this computer is on no network")
    log = home / "log.txt"
    environment = {**os.environ, "ATTUNE_HOME": str(home), "HF_ENDPOINT": "http://127.0.0.1:9", "PYTHONUNBUFFERED": "1"}
    arguments = [sys.executable, "-m", "demo", "--host", "0.0.0.0", "--port", "0"]
    with log.open("wb") as written, subprocess.Popen(arguments, stdout=written, stderr=written, env=environment) as server:
        try:
            while not (found := re.search(r"Others on the network.*?(http://\S+).*/owner/", log.read_text(), re.DOTALL)):
                assert server.poll() is None, log.read_text()
                time.sleep(0.25)
            yield found[1]
            assert "Traceback" not in log.read_text()
        finally:
            server.terminate()


def answer(browser, page, setting: str) -> None:
    """Answers the browser's question for the microphone; "prompt" takes the answer back."""
    target = page.context.new_cdp_session(page).send("Target.getTargetInfo")["targetInfo"]
    asked = {"permission": {"name": "microphone"}, "setting": setting, "origin": page.evaluate("location.origin")}
    browser.new_browser_cdp_session().send("Browser.setPermission", {**asked, "browserContextId": target["browserContextId"]})


def said(page, where: str = "#stage-say") -> list[str]:
    """The sentences about the microphone in sight at a recorder."""
    return [one.inner_text() for one in page.locator(f"{where} .no-microphone p").all() if one.is_visible()]


def shows(page, case: str) -> None:
    page.wait_for_function("why => document.documentElement.dataset.microphone === why", arg=case)


@pytest.mark.parametrize(
    ("name", "case", "language"),
    [
        ("NotAllowedError", "denied", "en"),
        ("NotFoundError", "none", "zh-CN"),
        ("NotReadableError", "busy", "en"),
        ("NotReadableError", "busy", "zh-CN"),
    ],
)
def test_pressing_record_says_why_nothing_is_recorded(visit: Callable, name: str, case: str, language: str) -> None:
    page = visit(language, REFUSING % name)
    sentence = Wording(language)(f"microphone.{case}")
    assert said(page) == []
    page.click("#read")
    page.click("#record")
    shows(page, case)
    assert said(page, "#reading") == [sentence]
    assert page.locator("#reading .block.no-microphone").evaluate(IN_SIGHT)
    assert not page.locator(".mic-select").first.is_visible()  # Gradio's words for it, in the browser's language
    page.click("#read-done")
    assert said(page) == [sentence]
    page.click("#clip .record-button")
    page.wait_for_function(f"() => ({IN_SIGHT})(document.querySelector('#stage-say .block.no-microphone'))")


def test_a_permission_denied_before_or_later_is_said_until_it_is_given(browser, visit: Callable) -> None:
    page = visit("zh-CN")
    assert said(page) == []
    answer(browser, page, "denied")
    shows(page, "denied")
    page.reload()
    page.wait_for_selector("#set-brief .size")
    shows(page, "denied")
    assert said(page) == [Wording("zh-CN")("microphone.denied")]
    answer(browser, page, "granted")
    page.wait_for_function("() => !document.documentElement.dataset.microphone")
    assert said(page) == []


def test_a_recorder_that_gets_the_microphone_at_last_takes_the_sentence_back(visit: Callable, spoken) -> None:
    page = visit(script=FIRST_BUSY)
    page.click("#clip .record-button")
    shows(page, "busy")
    page.click("#clip .record-button")
    page.wait_for_function("() => !document.documentElement.dataset.microphone && attune.stream?.active")
    assert said(page) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_device_a_file_is_taken_at_that_place(unplugged, address: str, spoken, language: str) -> None:
    page = unplugged.new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{address}/{language}/")
    page.wait_for_selector("#set-brief .size")
    shows(page, "none")
    assert said(page) == [Wording(language)("microphone.none")]
    for _ in range(2):  # also where a file was taken before
        with page.expect_file_chooser() as chooser:
            page.click("#stage-say .no-microphone button")
        page.evaluate("document.querySelector('#base-transcript')?.remove()")
        chooser.value.set_files(str(spoken[0]))
        page.wait_for_selector("#base-transcript", timeout=180_000)  # the first time, the model is unpacked


def test_a_page_over_http_from_another_computer_says_so_and_takes_files(visit: Callable, spoken, tmp_path: Path) -> None:
    with shared(tmp_path) as address:
        for language in LANGUAGES:
            page = visit(language, at=address)
            shows(page, "insecure")
            assert said(page) == [Wording(language)("microphone.insecure")]
            page.click("#read")
            page.click("#record")
            assert page.locator("#reading .block.no-microphone").evaluate(IN_SIGHT)
        with page.expect_file_chooser() as chooser:
            page.click("#reading .no-microphone button")
        chooser.value.set_files(str(spoken[0]))
        page.wait_for_function("document.querySelector('#prompt-place').innerText.includes('1/10')")
