"""The page in Chinese proposes what writes Chinese; a model that does not write a language is warned of."""

from __future__ import annotations

from tests.browser.conftest import use
from tests.browser.test_record import open_reading, shows

WRITTEN = "at => !document.querySelector(at).innerText.includes('does not write')"
CHOSEN = "document.querySelector('#step-model input[role=combobox]')?.value.startsWith({!r})"


def test_the_page_in_chinese_starts_with_a_model_and_sentences_in_chinese(open_page) -> None:
    page = open_page(locale="zh-CN")
    page.wait_for_function(CHOSEN.format("whisper-base · 可识别 99 种语言"))
    shows(page, "#model-status", "已选用 whisper-base")
    open_reading(page)
    page.wait_for_function("/^[\\u4e00-\\u9fff，。？！]+$/.test(document.querySelector('#prompt').innerText.trim())")
    assert page.locator("#set-brief .note.warning, #prompt-place .note.warning").count() == 0
    address = page.url.removesuffix("/zh-CN/")
    page.goto(f"{address}/en/")  # reading was a choice: its model stays
    page.wait_for_function(CHOSEN.format("whisper-base · writes 99 languages"))


def test_clips_in_a_language_that_the_model_does_not_write_are_warned_of_at_once(open_page) -> None:
    page = open_page()
    page.get_by_text("My clips", exact=True).click()
    page.get_by_label("Language spoken in my clips").click()
    page.get_by_role("option", name="Chinese").click()
    for place in ("#set-brief", "#set-card"):  # on the stage, and where the language is chosen
        shows(page, place, "Your own clips are in Chinese, which whisper-tiny.en does not write")
        shows(page, place, "whisper-base writes Chinese")
    use(page, "whisper-base")
    for place in ("#set-brief", "#set-card"):
        page.wait_for_function(
            "at => !document.querySelector(at).innerText.includes('does not write')", arg=place, timeout=180_000
        )
