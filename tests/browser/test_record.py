"""Prompted recording and proofreading in a real browser: nothing that was said, kept or typed gets lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.sound_files import SAMPLE_RATE
from core.data.clips.exam import planned
from core.data.samples import read_sample
from core.text.scoring import normalise

READING_MS = 180_000  # the first time a model is unpacked, and timed for the forecast before it may read
OTHER = "Violins are seldom carried by elephants."


def open_panel(page, panel: str) -> None:
    page.locator(f"#{panel} > button").click()


def open_reading(page) -> None:
    """Shows the sentences to read; every recording is stopped and every take left by hand."""
    if not page.is_visible("#reading"):
        page.click("#read")
    page.locator("#auto input").uncheck()


def shows(page, selector: str, text: str) -> None:
    page.wait_for_function("([s, t]) => document.querySelector(s)?.innerText.includes(t)", arg=[selector, text])


def read_list(page, *prompts: str) -> list[str]:
    """Reads sentences of one's own; returns them in the order of the plan, the exam first."""
    open_panel(page, "reading-other")
    page.get_by_text("Read your own sentences").click()
    box, typed = page.locator("#own-prompts textarea"), "\n".join(prompts)
    box.wait_for()
    for _ in range(10):  # Gradio fills a box a moment after it has opened it
        box.fill(typed)
        page.wait_for_timeout(300)
        if box.input_value() == typed:
            break
    page.click("#use-own-prompts")
    order = [prompt.text for prompt in planned(prompts, "en", {}, lessons=None)]
    shows(page, "#prompt", order[0])
    return order


def record_for(page, seconds: float) -> None:
    page.click("#record")
    shows(page, "#record", "Stop")
    page.wait_for_timeout(1000 * seconds)
    page.click("#record")


def test_one_button_records_stops_and_begins_again_and_a_refresh_loses_nothing(open_page, spoken) -> None:
    sound, text = spoken
    seconds = soundfile.info(str(sound)).duration
    page = open_page()
    open_reading(page)
    shows(page, "#prompt-place", "0 of 10 read")
    exam, lesson, last = read_list(page, text, OTHER, "A third sentence.")
    assert page.is_disabled("#keep")
    assert page.inner_text("#record") == "Record"

    page.click("#record")
    shows(page, "#record", "Stop")
    page.wait_for_timeout(700)
    page.click("#start-over")  # a slip of the tongue
    shows(page, "#record", "Record")
    page.wait_for_timeout(1500)
    assert "Press Record" in page.inner_text("#take")

    record_for(page, seconds + 0.8)
    shows(page, "#take", "Kept for the exam")
    assert "Speech level" in page.inner_text("#take")
    page.wait_for_selector("#take-heard .heard", timeout=READING_MS)
    heard = set(normalise(page.inner_text("#take-heard .heard")).split())
    assert len(heard & set(normalise(text).split())) >= 0.7 * len(normalise(text).split())
    shows(page, "#exam", "(1 of 1 sentence)")
    shows(page, "#prompt-place", "1 of 1 read")
    assert page.is_disabled("#record")  # an exam is read once
    kept = page.locator("#take audio").get_attribute("src")

    page.reload()
    shows(page, "#take", "Kept for the exam")
    open_reading(page)
    assert page.locator("#take audio").get_attribute("src") == kept
    assert exam in page.inner_text("#prompt")
    assert page.is_disabled("#record")
    shows(page, "#exam", "(1 of 1 sentence)")

    page.click("#keep")
    shows(page, "#prompt", lesson)
    record_for(page, seconds + 0.5)
    shows(page, "#record", "Again")
    first = page.locator("#take audio").get_attribute("src")
    page.click("#record")
    shows(page, "#record", "Stop")
    page.wait_for_timeout(700)
    page.click("#next-prompt", force=True)  # not while a sentence is being read
    page.wait_for_timeout(1000 * seconds)
    page.click("#record")
    page.wait_for_function("src => document.querySelector('#take audio')?.getAttribute('src') !== src", arg=first)
    assert page.request.get(page.url.split("/en/")[0] + first).status == 404  # the earlier take is off the list
    shows(page, "#prompt-place", "1 of 2 read")

    page.locator("#prompt").click()  # the panel has the keys from now on
    page.keyboard.press("ArrowRight")
    shows(page, "#prompt", last)
    page.keyboard.press("r")
    shows(page, "#record", "Stop")
    page.wait_for_timeout(1000 * (seconds + 0.5))
    page.keyboard.press("Space")
    page.wait_for_selector("#take-heard .heard", timeout=READING_MS)
    shows(page, "#take-heard", "Did you read this sentence?")
    page.keyboard.press("ArrowLeft")
    shows(page, "#prompt", lesson)
    page.keyboard.press("Enter")
    shows(page, "#prompt", last)
    shows(page, "#prompt-place", "2 of 2 read")

    open_panel(page, "reading-other")
    page.get_by_text("Read your own sentences").click()
    page.click("#own-prompts textarea")
    page.keyboard.press("End")
    page.keyboard.type("r a")  # in a text field, letters are letters
    assert page.inner_text("#record") == "Again"

    page.reload()
    shows(page, "#prompt-place", "2 of 2 read")
    page.get_by_text("My clips", exact=True).click()
    page.wait_for_function("document.querySelectorAll('#own-clips audio').length === 3")
    assert OTHER in page.inner_text("#own-clips")


def test_without_a_microphone_a_sentence_is_uploaded(open_page, spoken) -> None:
    page = open_page()
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { get: () => undefined })")
    page.reload()
    page.wait_for_selector("#set-card .card")
    open_reading(page)
    sentence = page.locator("#reading .block.no-microphone")
    page.click("#record")
    assert "No microphone was found." in sentence.inner_text()
    assert page.inner_text("#record") == "Record"
    with page.expect_file_chooser() as chooser:
        page.click("#upload-take")
    chooser.value.set_files(str(spoken[0]))
    shows(page, "#take", "Kept for the exam")
    shows(page, "#prompt-place", "1 of 10 read")
    page.faults.clear()  # the recorder may say that it found no microphone


def test_a_file_that_is_no_sound_changes_nothing(open_page, tmp_path: Path) -> None:
    page = open_page()
    open_reading(page)
    (tmp_path / "page.wav").write_bytes(b"<html><script>alert(1)</script></html>")
    for panel, choose in (("reading", "#upload-take"), ("proofread", None)):
        if choose:
            with page.expect_file_chooser() as chooser:
                page.click(choose)
            chooser.value.set_files(str(tmp_path / "page.wav"))
        else:
            open_panel(page, panel)
            page.locator("#long input[type=file]").set_input_files(str(tmp_path / "page.wav"))
        page.wait_for_selector(f"#{panel} .note.error")
        page.wait_for_timeout(1500)  # what runs after it leaves the sentence alone
        assert "not a readable sound file" in page.inner_text(f"#{panel} .note.error")
    assert page.is_disabled("#keep")
    assert page.is_visible("#long input[type=file], #long button")  # another file can be chosen
    page.faults.clear()  # a player that cannot play the file may say so


@pytest.fixture
def lecture(tmp_path: Path) -> Path:
    """Eight sentences of clean synthetic speech with a second between them."""
    parts = []
    for clip in read_sample("general").clips[:8]:
        wave, _ = soundfile.read(clip.path)
        parts += [wave, np.zeros(SAMPLE_RATE)]
    soundfile.write(tmp_path / "lecture.wav", np.concatenate(parts), SAMPLE_RATE)
    return tmp_path / "lecture.wav"


def test_a_long_recording_is_proofread_instead_of_typed(open_page, lecture: Path) -> None:
    page = open_page()
    open_panel(page, "proofread")
    page.locator("#long input[type=file]").set_input_files(str(lecture))
    page.wait_for_selector("#proofread-status progress")
    page.reload()  # the reading goes on without the page
    page.wait_for_selector("#row-5 textarea", timeout=READING_MS)
    shows(page, "#proofread-summary", "8 rows left to proofread")

    row = page.locator("#row-0 textarea")
    row.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("pasted, with nothing pressed")
    page.locator("#proofread-summary").click()
    page.wait_for_timeout(1000)
    page.reload()
    page.wait_for_function("document.querySelector('#row-0 textarea')?.value === 'pasted, with nothing pressed'")
    page.click("#row-0 .accept")
    shows(page, "#proofread-summary", "7 rows left to proofread, 1 accepted")

    page.click("#row-1 .split")
    page.wait_for_selector("#proofread-message .note.error")
    page.evaluate("document.querySelector('#row-1 audio').play()")
    page.wait_for_function("document.querySelector('#row-1 audio').currentTime > 0.7")
    page.evaluate("document.querySelector('#row-1 audio').pause()")
    page.click("#row-1 .split")
    shows(page, "#proofread-summary", "8 rows left to proofread")
    page.get_by_label("as spoken").check()
    page.wait_for_function("document.querySelector('#row-0 .draft')?.innerText.includes('0:00')")
    page.click("#row-0 .merge")
    shows(page, "#proofread-summary", "7 rows left to proofread")
    page.click("#row-0 .delete")
    shows(page, "#proofread-summary", "6 rows left to proofread")

    page.click("#keep-drafts")
    shows(page, "#proofread-kept", "Saved as clips of your own: 1")
    page.get_by_text("My clips", exact=True).click()
    assert "pasted, with nothing pressed" in page.inner_text("#own-clips")
    page.click("#row-0 .accept")
    shows(page, "#proofread-summary", "1 accepted")
    page.fill("#drafts-name input, #drafts-name textarea", "<b>Lecture</b>")
    page.click("#keep-as-set")
    shows(page, "#proofread-kept", "Saved as the set “<b>Lecture</b>”: 1 clip")
    shows(page, "#set", "<b>Lecture</b> (1 clip)")
