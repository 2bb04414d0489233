"""The app in a process of its own, and a browser whose microphone plays a file."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.sound_files import SAMPLE_RATE
from core.data.samples import samples_folder
from tests.browser.setup import flags, system_browser

REQUIRED = os.environ.get("ATTUNE_REQUIRE_BROWSER") == "1"
START_SECONDS = 120
OWNERS: dict[str, str] = {}  # address of an app -> the path by which its owner's browser is known, as the terminal shows it
ALL_STEPS = [f"step-{name}" for name in ("model", "listen", "teach", "adapt", "compare", "home", "data")]
ON_LEAVING = ("AbortError", "Connection errored out")  # what was in flight when a page was left or loaded again


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def playwright():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _without("Playwright is not installed. Run: make test")
    with sync_playwright() as started:
        yield started


def _without(why: str) -> None:
    if REQUIRED:
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def app_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("app-home")


@contextmanager
def running(home: Path, hub: str) -> Iterator[str]:
    """The running app's address, as it prints it.

    Args:
        home: where it keeps its files, and the hub's client its own.
        hub: address of the hub it fetches models from.
    """
    home.mkdir(parents=True, exist_ok=True)
    log = home / "log.txt"
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(home / "hub")}
    environment |= {"ATTUNE_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as written:
        server = subprocess.Popen(
            [sys.executable, "-m", "demo", "--port", "0"], stdout=written, stderr=written, env=environment
        )
    try:
        for _ in range(START_SECONDS * 4):
            found = re.search(r"(http://127\.0\.0\.1:\d+)(/owner/\w+)", log.read_text())
            if found or server.poll() is not None:
                break
            try:
                server.wait(0.25)
            except subprocess.TimeoutExpired:
                continue
        assert found, f"the app did not start:\n{log.read_text()}"
        OWNERS[found[1]] = found[2]
        yield found[1]
        assert "Traceback" not in log.read_text(), f"the app failed meanwhile:\n{log.read_text()}"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def address(app_home: Path) -> Iterator[str]:
    """The address of the app that most tests share; its hub is one that nobody reaches."""
    with running(app_home, "http://127.0.0.1:9") as address:
        yield address


@pytest.fixture(scope="session")
def spoken() -> tuple[Path, str]:
    """A clip of clean synthetic speech and what is said in it."""
    folder = samples_folder() / "general"
    with (folder / "clips.csv").open(encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    return folder / row["path"], row["text"]


@pytest.fixture(scope="session")
def browser(playwright, spoken: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory):
    """Chromium whose microphone plays the spoken clip over and over."""
    wave, rate = soundfile.read(spoken[0])
    assert rate == SAMPLE_RATE
    fed = tmp_path_factory.mktemp("microphone") / "fed.wav"
    soundfile.write(fed, np.concatenate([np.zeros(rate // 4), wave, np.zeros(rate)]), rate, subtype="PCM_16")
    try:
        launched = playwright.chromium.launch(executable_path=system_browser(), args=flags(str(fed)))
    except Exception as error:
        why = str(error).splitlines()[0]
        _without(f"No browser starts ({why}). Install Chromium or Chrome, or run: python -m playwright install chromium")
    yield launched
    launched.close()


@pytest.fixture
def open_page(browser, address: str) -> Iterator[Callable]:
    """Opens the app as a new visitor, by default with every step unfolded; fails the test if the page asked another host or
    logged an error."""
    contexts, faults = [], []

    def open_page(locale: str = "en-US", width: int = 1280, path: str = "/", unfolded: bool = True, height: int = 900):
        context = browser.new_context(locale=locale, viewport={"width": width, "height": height}, permissions=["microphone"])
        contexts.append(context)
        if unfolded:
            context.add_init_script(f"localStorage.setItem('attune-open', '{json.dumps(ALL_STEPS)}')")
        page = context.new_page()
        page.set_default_timeout(60_000)
        page.on("request", lambda r: faults.append(r.url) if not r.url.startswith((address, "blob:", "data:")) else None)
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: faults.append(str(e)))
        page.on("dialog", lambda d: (faults.append(f"dialog: {d.message}"), d.dismiss()))
        page.goto(address + path)
        page.wait_for_selector("#set-brief .size, #set-brief .note")
        page.wait_for_selector("#stage[data-view]")
        page.faults = faults
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not [fault for fault in faults if not any(harmless in fault for harmless in ON_LEAVING)]


def use(page, name: str) -> None:
    """Chooses a model in step 1 and loads it."""
    choice = page.locator("#step-model input[role=combobox]")
    choice.fill(name)
    choice.press("Enter")
    page.click("#use-model")


def wait_for_status(page, words: str) -> None:
    """Waits until step 1 says something."""
    page.wait_for_function(f"document.querySelector('#model-status')?.innerText.includes({json.dumps(words)})")
