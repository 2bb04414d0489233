"""Takes the README's pictures: does the flip in a real browser, in both languages, at desktop and phone width.

Needs the test extra and a browser (`make test` sets both up). Run `python -m assets.make_pictures` from the project's
folder; it takes a few minutes and writes assets/pictures/compare-LANGUAGE-WIDTH.png, what one sees of step 5. With a
folder as argument the whole pages go there, to be looked at.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from core.data.samples import read_sample
from tests.browser.setup import flags, system_browser

PICTURES = Path(__file__).parent / "pictures"
HEIGHT = {1280: 960, 390: 844}
VIEWS = (("en", 1280, "light"), ("zh-CN", 1280, "dark"), ("en", 390, "light"), ("zh-CN", 390, "light"))
COLOURS = 128  # a picture of flat colours needs no more, and is four times smaller


def main(pages: Path | None = None) -> None:
    """Starts the app with a home of its own and takes every picture, the whole pages into `pages`."""
    PICTURES.mkdir(exist_ok=True)
    clip = read_sample("accent").part("test")[3]
    wave, rate = soundfile.read(clip.path)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        fed = Path(home) / "fed.wav"
        soundfile.write(fed, np.concatenate([np.zeros(rate // 3), 2 * wave, np.zeros(rate)]), rate, subtype="PCM_16")
        environment = {**os.environ, "ATTUNE_HOME": home, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "demo", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
            assert server.stdout is not None
            address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+", line)))
            browser = playwright.chromium.launch(executable_path=system_browser(), args=flags(str(fed)))
            for language, width, scheme in VIEWS:
                context = browser.new_context(
                    locale=language,
                    viewport={"width": width, "height": HEIGHT[width]},
                    color_scheme=scheme,
                    permissions=["microphone"],
                )
                page = context.new_page()
                page.set_default_timeout(300_000)
                flip(page, address, len(wave) / rate, clip.text)
                if pages is not None:
                    page.screenshot(path=pages / f"page-{language}-{width}.png", full_page=True)
                page.locator("#step-compare").evaluate("step => scrollTo(0, step.offsetTop - 8)")
                save(page.screenshot(), PICTURES / f"compare-{language}-{width}.png")
                context.close()
            browser.close()
            server.terminate()


def save(picture: bytes, path: Path) -> None:
    """Writes a PNG with few colours."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def flip(page: Page, address: str, seconds: float, text: str) -> None:
    """Records, corrects, fine-tunes on the accent set, and waits for the comparison."""
    page.goto(address)
    page.wait_for_selector("#set-card .card")
    page.wait_for_function("document.querySelector('#forecast')?.innerText.match(/[0-9]/)")
    page.locator("#clip button.record-button").click()
    page.wait_for_timeout(1000 * (seconds + 1.0))
    page.locator("#clip button.stop-button").click()
    page.wait_for_selector("#base-transcript")
    page.fill("#correct textarea", text)
    page.click("#add-clip")
    page.wait_for_selector("#added .note")
    page.click("#start")
    page.wait_for_selector('#progress [data-state="done"]')
    page.wait_for_selector("#figures td")
    page.wait_for_timeout(1500)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
