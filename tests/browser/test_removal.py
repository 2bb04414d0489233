"""A visitor removes a recording, has it back, deletes it for good, and is forgotten."""

from __future__ import annotations

from pathlib import Path

from tests.browser.test_library import says
from tests.browser.test_record import open_reading


def choose_first(page, dropdown: str) -> None:
    page.locator(f"{dropdown} input").click()
    page.locator("[role=listbox] [role=option]").first.click()


def test_a_recording_is_removed_had_back_and_deleted_and_the_visitor_forgotten(
    open_page, spoken: tuple[Path, str], app_home: Path
) -> None:
    page = open_page()
    open_reading(page)
    with page.expect_file_chooser() as chooser:
        page.click("#upload-take")
    chooser.value.set_files(str(spoken[0]))
    page.wait_for_selector("#keep:not([disabled])")
    said = page.inner_text("#prompt").strip()
    page.click("#keep")
    page.get_by_text("My clips", exact=True).click()
    says(page, "#own-clips", said)

    choose_first(page, "#clip-to-remove")
    page.click("#remove-clip")
    says(page, "#removed-note", "You can undo this for a day; after that it is permanently deleted.")
    says(page, "#own-clips", "No clips of your own yet")
    page.reload()
    page.wait_for_selector("#set-card .note")  # own clips are still chosen, and there are none
    page.get_by_text("My clips", exact=True).click()
    page.click("#clips-undo")
    says(page, "#own-clips", said)
    choose_first(page, "#clip-to-remove")
    page.click("#remove-clip")
    page.click("#clips-delete")
    says(page, "#removed-note", "Permanently deleted.")
    page.wait_for_selector("#clips-removed", state="hidden")

    token = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "attune_session")
    before = {path.name for path in (app_home / "sessions").iterdir()}
    page.focus("#forget")
    page.keyboard.press("Enter")
    page.wait_for_selector("#forget-all")
    page.click("#forget-keep")
    page.wait_for_selector("#forget-all", state="hidden")
    page.click("#forget")
    page.wait_for_selector("#forget-all")
    page.focus("#forget-all")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    page.wait_for_selector("#set-card .card")
    fresh = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == "attune_session")
    assert fresh != token
    after = {path.name for path in (app_home / "sessions").iterdir()}
    assert len(before - after) == len(after - before) == 1
