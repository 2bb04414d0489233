"""A visitor's own recordings: brought as a zip, looked at, mended, written otherwise, renamed, deleted and brought back."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from core.data.samples import read_sample

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    """Nine clips in capitals, one of them twice, and one row without its sound."""
    path = tmp_path / "birds.zip"
    clips = read_sample("accent").clips[:9]
    rows = [f"audio/{i}.flac,{clip.text.upper()},voice {i % 3}" for i, clip in enumerate(clips)]
    rows += [f"audio/again.flac,{clips[0].text.upper()},voice 0", f"audio/gone.flac,{HOSTILE},voice 1"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("clips.csv", "\n".join(["path,text,speaker", *rows]) + "\n")
        for i, clip in enumerate(clips):
            archive.writestr(f"audio/{i}.flac", Path(clip.path).read_bytes())
        archive.writestr("audio/again.flac", Path(clips[0].path).read_bytes())
    return path


def says(page, where: str, what: str) -> None:
    page.wait_for_function("([where, what]) => document.querySelector(where)?.innerText.includes(what)", arg=[where, what])


def unfold(page, part: str) -> None:
    page.locator(f"{part} button.label-wrap").first.click()


def test_a_set_is_brought_mended_written_renamed_and_deleted(open_page, birds: Path) -> None:
    page = open_page()
    unfold(page, "#bring")
    page.locator("#bring-files input[type=file]").set_input_files(str(birds))
    page.wait_for_selector("#bring-files table")
    page.click("#bring-start")
    says(page, "#bring-result", "birds: 11 rows read, 10 kept, 1 dropped.")
    page.locator("#bring-result summary").click()
    says(page, "#bring-result table", "clips.csv, line 12")
    page.wait_for_selector("#set input:checked[value]:not([value=accent])")
    says(page, "#set-card", "birds, a set in your library")

    unfold(page, "#inspect")
    page.click("#inspect-look")
    says(page, "#finding-0", "1 clip duplicates the sound of another clip")
    page.locator("#finding-0 summary").click()
    sound = page.locator("#finding-0 audio").first.get_attribute("src")
    assert page.request.get(page.url.split("/en/")[0] + sound).body()[:4] == b"fLaC"
    page.locator("#finding-0 button").click()
    says(page, "#inspect-done", "1 clip is removed")
    says(page, "#inspect-summary", "9 kept")
    page.click("#inspect-undo")
    says(page, "#inspect-done", "9 clips before, 10 now")
    says(page, "#finding-0", "duplicate")

    unfold(page, "#write")
    says(page, "#write-preview", read_sample("accent").clips[0].text.lower())
    page.locator("#write-punctuation input").click()
    page.get_by_role("option", name="none, and no text in brackets").click()
    says(page, "#write-preview", read_sample("accent").clips[0].text.lower().replace(".", ""))
    page.click("#write-store")
    says(page, "#write-note", "birds now uses this style")

    unfold(page, "#library")
    says(page, "#library-listed", "birds")
    page.locator("#library-name textarea, #library-name input").fill(f"Birds {HOSTILE}")
    page.click("#library-rename")
    says(page, "#library-note", f"The set is now called Birds {HOSTILE}.")
    page.click("#library-delete")
    says(page, "#library-note", "is removed. You can undo this for a day")
    page.click("#library-undo")
    says(page, "#library-note", "is restored and chosen")
    says(page, "#library-listed", "chosen")

    assert page.locator("#step-teach img").count() == 0


def test_an_upload_that_is_nothing_says_so(open_page, tmp_path: Path) -> None:
    page = open_page()
    (tmp_path / "weights.zip").write_bytes(b"\x80\x04\x95 not an archive")
    unfold(page, "#bring")
    page.click("#bring-start")
    page.wait_for_selector("#bring .note.error")
    assert "Choose the files first" in page.inner_text("#bring .note.error")
    page.locator("#bring-files input[type=file]").set_input_files(str(tmp_path / "weights.zip"))
    page.wait_for_selector("#bring-files table")
    page.click("#bring-start")
    says(page, "#bring-progress", "cannot be imported")
