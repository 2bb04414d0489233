"""Takes the pictures of README and docs: does the flip in a real browser and photographs stage, training and result.

Needs the test extra and a browser (`make test` sets both up). Run `python -m assets.make_pictures` from the project's folder;
it takes a few minutes and writes to assets/pictures:

STATE-LANGUAGE-WIDTH.png    what one sees on opening the page (stage), while the model learns (training) and at the end
                            (result); "wall" is presenter mode
flip.gif                    the flip of the first view, at least 20 s long

With a folder as argument the whole pages go there, to be looked at.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from tests.browser.setup import flags, system_browser

PICTURES = Path(__file__).parent / "pictures"
HEIGHT = {1280: 800, 390: 844}
VIEWS = (("en", 1280, "light"), ("zh-CN", 1280, "dark"), ("en", 390, "dark"), ("zh-CN", 390, "light"))
COLOURS = 128  # a picture of flat colours needs no more, and is four times smaller
FRAME_SECONDS = 0.5  # between two frames of the animation
FILM_SECONDS = 20.0  # of the animation; a longer flip is played faster
LAST_SECONDS = 4.0  # that the result stays
FILM_WIDTH = 800  # pixels
FILM_COLOURS = 48


def main(pages: Path | None = None) -> None:
    """Starts the app with a home of its own and takes every picture, the whole pages into `pages`."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        environment = {**os.environ, "ATTUNE_HOME": home, "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "demo", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as server:
            assert server.stdout is not None
            address = next(found[0] for line in server.stdout if (found := re.search(r"http://\S+", line)))
            browser = playwright.chromium.launch(executable_path=system_browser(), args=flags())
            for place, (language, width, scheme) in enumerate(VIEWS):
                context = browser.new_context(
                    locale=language,
                    viewport={"width": width, "height": HEIGHT[width]},
                    color_scheme=scheme,
                    permissions=["microphone"],
                )
                page = context.new_page()
                page.set_default_timeout(600_000)
                film = flip(page, address, f"{language}-{width}")
                if place == 0:
                    save_film(film)
                if pages is not None:
                    page.screenshot(path=pages / f"page-{language}-{width}.png", full_page=True)
                context.close()
            browser.close()
            server.terminate()


def flip(page: Page, address: str, name: str) -> list[bytes]:
    """Flips the accent set with one click and takes the pictures of one view; returns frames from the click to the result."""
    page.goto(address)
    page.wait_for_selector("#set-brief .size")
    page.wait_for_function("document.querySelector('#forecast')?.innerText.match(/[0-9]/)")
    save(page.screenshot(), PICTURES / f"stage-{name}.png")
    frames = [page.screenshot()]
    page.click("#start")
    training = False
    while not page.locator("#headline .errors").count():
        page.wait_for_timeout(1000 * FRAME_SECONDS)
        frames.append(page.screenshot())
        if not training and page.locator("#headline .live .fixed").count():
            training = True
            page.locator("#wall").evaluate("wall => wall.scrollIntoView({ block: 'nearest' })")
            save(page.screenshot(), PICTURES / f"training-{name}.png")
    page.wait_for_timeout(2000)
    frames.append(page.screenshot())
    save(page.screenshot(), PICTURES / f"result-{name}.png")
    page.keyboard.press("p")
    page.wait_for_timeout(500)
    save(page.screenshot(), PICTURES / f"wall-{name}.png")
    page.keyboard.press("Escape")
    return frames


def save(picture: bytes, path: Path) -> None:
    """Writes a PNG with few colours."""
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def save_film(frames: list[bytes]) -> None:
    """Writes the animation; where nothing changed, one frame stays for longer."""
    shown = [Image.open(io.BytesIO(frame)).convert("RGB") for frame in frames]
    size = FILM_WIDTH, round(FILM_WIDTH * shown[0].height / shown[0].width)
    scaled = [one.resize(size, Image.Resampling.LANCZOS) for one in shown]
    typical = Image.new("RGB", (size[0], 3 * size[1]))  # idle, learning and done: each has colours that the others lack
    for place, one in enumerate((scaled[0], scaled[len(scaled) // 2], scaled[-1])):
        typical.paste(one, (0, place * size[1]))
    palette = typical.quantize(FILM_COLOURS)
    small = [one.quantize(palette=palette, dither=Image.Dither.NONE) for one in scaled]
    each = min(1000 * FRAME_SECONDS, 1000 * (FILM_SECONDS - LAST_SECONDS) / (len(small) - 1))
    durations = [round(each)] * (len(small) - 1) + [round(1000 * LAST_SECONDS)]
    small[0].save(PICTURES / "flip.gif", save_all=True, append_images=small[1:], duration=durations, loop=0, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
