"""Wrong and malicious input in a real browser: a sentence, and nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.conftest import OWNERS

HOSTILE = "<img src=x onerror=alert(1)> ${alert(2)} {{alert(3)}} `x` </div><script>alert(4)</script> words"


def upload(page, path: Path) -> None:
    if page.locator("#clip input[type=file]").count() == 0:
        page.locator("#clip .source-selection button").first.click()
    page.locator("#clip input[type=file]").set_input_files(str(path))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("page.wav", b"<html><script>alert(1)</script></html>", "not a readable sound file"),
        ("empty.wav", b"", "is empty"),
        ("cut.flac", b"fLaC\0\0\0\x22" + b"\0" * 20, "not a readable sound file"),
        ("list.m4a", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "not a readable sound file"),
    ],
)
def test_a_file_that_is_no_sound_gets_a_sentence(open_page, tmp_path: Path, name: str, content: bytes, sentence: str) -> None:
    page = open_page()
    (tmp_path / name).write_bytes(content)
    upload(page, tmp_path / name)
    page.wait_for_selector("#stage-say .note.error")
    message = page.inner_text("#stage-say .note.error")
    assert sentence in message
    assert "Traceback" not in page.content()
    assert page.locator("#base-transcript").count() == 0
    page.get_by_text("My clips", exact=True).click()
    assert "No clips of your own yet" in page.inner_text("#own-clips")
    page.faults.clear()  # a player that cannot play the file may say so


def test_a_transcript_is_never_markup(open_page, spoken) -> None:
    page = open_page()
    upload(page, spoken[0])
    page.wait_for_selector("#base-transcript")
    page.fill("#correct textarea", HOSTILE)
    page.click("#add-clip")
    page.wait_for_selector("#added .note")
    page.get_by_text("My clips", exact=True).click()
    for place in ("#added", "#own-clips"):
        assert HOSTILE in page.inner_text(place)
    assert page.locator("#own-clips img, #added img, #added script").count() == 0


def test_a_model_that_cannot_be_had_is_refused_and_the_old_one_stays(open_page, address: str) -> None:
    page = open_page(path=OWNERS[address])
    choice = page.locator("#step-model input[role=combobox]")
    page.wait_for_function("document.querySelector('#forecast')?.innerText.includes('Forecast')")  # the page is at rest
    choice.fill("/no/such/folder")
    choice.press("Enter")
    page.click("#use-model")
    page.wait_for_selector("#step-model .note.error")
    assert "There is no folder or file /no/such/folder" in page.inner_text("#step-model")
    page.reload()
    page.wait_for_selector("#set-card .card")
    page.wait_for_function("document.querySelector('#step-model input[role=combobox]')?.value.startsWith('whisper-tiny.en ')")


def test_the_list_says_what_is_ready_and_a_download_that_fails_says_why(open_page) -> None:
    page = open_page()
    choice = page.locator("#step-model input[role=combobox]")
    assert choice.input_value() == "whisper-tiny.en · writes English only · ready"
    choice.click()
    listed = page.locator("#step-model [role=option]").all_inner_texts()
    assert any("openai/whisper-small · writes 99 languages · needs a download of 971 MB" in label for label in listed)
    page.locator("#step-model [role=option]", has_text="openai/whisper-small").click()
    page.wait_for_function("document.querySelector('#model-about')?.innerText.includes('downloads 971 MB')")
    page.click("#use-model")
    page.wait_for_selector("#step-model .note.error")
    assert "did not answer" in page.inner_text("#step-model")
    assert not page.locator("#stop-fetch").is_visible()
    page.wait_for_timeout(2000)  # the list is labelled anew after a download, which closes it
    choice.click()
    page.locator("#step-model [role=option]", has_text="whisper-tiny.en").click()
    page.wait_for_function("document.querySelector('#model-about')?.innerText.includes('whisper-tiny.en')")
    page.click("#use-model")
    page.wait_for_function("document.querySelector('#model-status')?.innerText.includes('whisper-tiny.en is loaded')")


def test_one_visitor_cannot_hear_another(open_page, spoken, address: str) -> None:
    page = open_page()
    upload(page, spoken[0])
    page.wait_for_selector("#base-transcript")
    page.get_by_text("My clips", exact=True).click()
    sound = page.locator("#own-clips audio").first.get_attribute("src")
    assert page.request.get(address + sound).status == 200
    other = open_page()
    assert other.request.get(address + sound).status == 404
    assert other.request.get(f"{address}/take-home/20260101-000000-00000000.zip").status == 404
    assert other.request.get(f"{address}/sound/run/..%2F..%2Fx/test/0").status == 404
