"""The panels around a finished fine-tune, in a real browser: the slider, robustness and the report."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest

from core.data.samples import read_sample
from core.runs import run_folder
from core.runs.execute import execute
from core.runs.request import Request
from core.training.recipe import Recipe
from demo.session.session import COOKIE, Session


@pytest.fixture
def learnt(app_home: Path, tiny_ctc: Path):
    """Gives a page's visitor a finished run of a tiny model."""

    def learnt(page) -> None:
        token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == COOKIE)
        session = Session(app_home / "sessions" / hashlib.sha256(token.encode()).hexdigest()[:32])
        whole = read_sample("accent")
        clips = tuple(clip for part, n in (("train", 4), ("validation", 2), ("test", 2)) for clip in whole.part(part)[:n])
        recipe = Recipe(trains="head", learning_rate=1e-2, epochs=4, batch_size=2, evaluations=4)
        request = Request(str(tiny_ctc), dataclasses.replace(whole, clips=clips), (), (), recipe)
        run = run_folder.create(session.new_run_folder(), request)
        list(execute(run))
        session.choose(run=run.id, queue=run.id)

    return learnt


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1280), ("zh-CN", 390)])
def test_back_in_time_into_noise_and_onto_paper(open_page, learnt, locale: str, width: int, tmp_path: Path) -> None:
    page = open_page(locale, width)
    learnt(page)
    page.reload()
    page.wait_for_selector("#chart-wer svg")
    assert page.locator("#watch dl").count() == 2
    assert page.locator("#watch dd").count() == 6
    page.locator("#moment input[type=range]").fill("0")
    page.wait_for_function("document.querySelectorAll('#watch dd').length == 4")  # said and base alone
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.locator("#robustness-panel button").first.click()
    page.click("#robustness-start")
    page.wait_for_selector("#robustness-result tr[data-condition=noise_20]", timeout=120_000)
    page.reload()  # it goes on meanwhile
    page.wait_for_selector("#chart-wer svg")
    page.locator("#robustness-panel button").first.click()
    page.wait_for_selector("#robustness-progress [data-state=done]", timeout=120_000)
    assert page.locator("#robustness-result tr[data-condition]").count() == 8

    with page.expect_download() as download:
        page.click("#report a.download")
    download.value.save_as(tmp_path / "report.html")
    report = page.context.new_page()
    report.goto((tmp_path / "report.html").as_uri())
    assert report.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert report.evaluate("document.documentElement.lang") == {"en-US": "en", "zh-CN": "zh-CN"}[locale]
    assert "attune finetune --again" in report.inner_text("body")
    assert report.locator("svg").count() >= 4
    assert report.pdf(prefer_css_page_size=True)[:5] == b"%PDF-"
