"""Everything on a page is in the page's language, Gradio's own texts included, whatever the browser's language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

SAID = """(hidden) => {
  const said = [], note = (text, element) => {
    // what people or models wrote, a model's id, code, and what names the browser's devices
    if (element.closest("#base-transcript, .transcript, .example, #prompt, code, pre, option, [lang=en]") ||
        element.closest("#bar [href='#step-listen'], #step-listen .state")) return;
    if (text && text.trim()) said.push(text.trim());
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement;
    if (["SCRIPT", "STYLE"].includes(parent.tagName) || !(hidden || parent.checkVisibility())) continue;
    note(walk.currentNode.data, parent);
  }
  for (const element of document.querySelectorAll("*"))
    for (const name of ["aria-label", "aria-valuetext", "title", "placeholder", "alt"])
      note(element.getAttribute(name), element);
  return said;
}"""
# Names, formats and units that a Chinese text writes in Latin letters too.
NAMES = (
    "Attune English Hugging Face Hub id ID pip install attune import whisper tiny en HTTP https cookie Whisper DeepSpeech "
    "CTC WER CER AdamW LoRA DoRA IA3 alpha beta epsilon Dropout dB kHz Hz ms MB GB wav flac mp3 ogg m4a txt zip tar eaf srt "
    "vtt CSV TSV JSON ELAN Praat TextGrid Audacity Unicode NFC NFKC LibriSpeech Common Voice audiofolder Excel UTF google "
    "fleurs sw_ke Siobhan Nguyen Kubernetes L2 SP th Esc Enter Tab Shift transformers Python arXiv Hestness et al wav2vec "
    "theta_p theta http AudioFolder base "
)
WORD = re.compile(r"[A-Za-z]\w+", re.ASCII)


def foreign(page, hidden: bool = True) -> set[str]:
    """The texts of a Chinese page that have a word of another language."""
    return {text for text in page.evaluate(SAID, hidden) if not set(WORD.findall(text)) <= set(NAMES.split())}


def open_everything(page) -> None:
    page.evaluate("document.querySelectorAll('button.label-wrap:not(.open)').forEach((button) => button.click())")
    page.wait_for_selector("#bring-files .upload-container")


@pytest.mark.parametrize("locale", ["en-US", "fr-FR"])
def test_no_text_of_a_chinese_page_is_english(open_page, spoken: tuple[Path, str], locale: str) -> None:
    page = open_page(locale, path="/zh-CN/")
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    assert foreign(page) == set()

    open_everything(page)
    assert foreign(page) == set()
    assert page.locator("#clip button.record-button").inner_text().strip() == "录音"

    page.locator("#clip button.record-button").click()
    page.wait_for_selector("#clip button.stop-button:visible")
    assert foreign(page) == set()
    page.wait_for_timeout(1500)  # of sound
    page.locator("#clip button.stop-button:visible").click()
    page.wait_for_selector("#clip [data-testid=waveform-controls]")
    assert foreign(page) == set()
    page.wait_for_selector("#base-transcript")
    assert foreign(page) == set()
    assert page.locator("#clip [aria-label^='前进']").get_attribute("aria-label").count(".") <= 1

    page.locator("#clip button[aria-label='清除']").first.click()
    page.click("#clip button[aria-label='上传文件']")
    page.wait_for_selector("#clip .upload-container")
    assert foreign(page) == set()
    page.locator("#clip input[type=file]").first.set_input_files(str(spoken[0]))
    page.wait_for_selector("#clip [data-testid=waveform-controls]")
    assert foreign(page) == set()


def test_what_gradio_says_of_a_lost_connection_is_chinese(open_page) -> None:
    page = open_page("en-US", path="/zh-CN/")
    page.route("**/gradio_api/**", lambda route: route.abort())
    page.click("#use-model")
    page.wait_for_selector(".toast-body")
    assert foreign(page) == set()
    assert page.locator("[data-testid=toast-close]").first.get_attribute("aria-label") == "关闭"
    page.unroute_all()
    page.wait_for_timeout(500)
    page.faults[:] = [
        fault for fault in page.faults if "net::ERR_FAILED" not in fault and "Failed to fetch" not in fault
    ]  # the requests cut off here


def test_texts_of_gradio_that_appear_later_are_replaced_and_others_are_not(open_page) -> None:
    page = open_page("en-US", path="/zh-CN/")
    said = page.evaluate(
        """async () => {
          const put = (markup) => document.querySelector("main").insertAdjacentHTML("beforeend", markup);
          const skip = "Skip forward by 0.0569999 seconds";
          put(`<div class="toast-body" id="later"><p>queue: 2/14 |</p><p aria-label="${skip}">x</p></div>`);
          put(`<div class="html-container" id="own"><p title="Stop">Stop</p></div><div id="other">Stop</div>`);
          await new Promise(requestAnimationFrame);
          const later = document.querySelector("#later");
          const first = [later.children[0].textContent, later.children[1].getAttribute("aria-label")];
          later.children[0].firstChild.data = "queue: 1/3 |";
          await new Promise(requestAnimationFrame);
          const own = document.querySelector("#own p"), other = document.querySelector("#other");
          return [...first, later.children[0].textContent, own.textContent, own.title, other.textContent];
        }"""
    )
    assert said == ["排队：第 2/14 位 |", "前进 0.1 秒", "排队：第 1/3 位 |", "Stop", "Stop", "Stop"]


def test_an_english_page_is_english_in_a_french_browser(open_page) -> None:
    page = open_page("fr-FR", path="/en/")
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("#clip button.record-button").inner_text().strip() == "Record"
    text = " ".join(page.evaluate(SAID, True))
    assert not [word for word in ("Enregistrer", "Effacer", "Arrêter", "Reprendre", "Glisser") if word in text]
