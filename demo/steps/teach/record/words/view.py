"""Step 3: one's own words, and the sentences around them."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.text.carriers import KINDS
from demo.show.markup import escape
from demo.wording import Wording
from demo.wording.templates import LANGUAGES


@dataclass(frozen=True)
class WordsView:
    """The components of the panel; `kinds` has a box for each of `core.text.carriers.KINDS`, in that order."""

    panel: gr.Accordion
    kinds: tuple[gr.Textbox, ...]
    language: gr.Radio
    write: gr.Button
    sentences: gr.Group
    exam: gr.Textbox
    lessons: gr.Textbox
    use: gr.Button
    faults: gr.HTML
    message: gr.HTML


def build(w: Wording) -> WordsView:
    """Lays out the panel: words by kind, a button that writes sentences, and the sentences, which can be edited."""
    with gr.Accordion(w("words.panel"), open=False, elem_id="words-panel") as panel:
        gr.HTML(f'<p class="fine">{escape(w("words.about"))}</p>')
        boxes = []
        for pair in (KINDS[:2], KINDS[2:]):
            with gr.Row():
                for kind in pair:
                    label, example = w(f"words.{kind}"), w(f"words.{kind}.example")
                    boxes.append(gr.Textbox(label=label, placeholder=example, min_width=240, elem_id=f"words-{kind}"))
        with gr.Row(elem_classes="field-and-button"):
            choices = [(w(f"language.{code}"), code) for code in LANGUAGES]
            language = gr.Radio(choices, value=LANGUAGES[0], label=w("words.language"), scale=4, elem_id="words-language")
            write = gr.Button(w("words.write"), scale=0, min_width=180, elem_id="write-words")
        message = gr.HTML(elem_classes="message", elem_id="words-message")
        with gr.Group(visible=False) as sentences:
            with gr.Row():
                exam, lessons = (
                    gr.Textbox(
                        label=w(f"words.{side}"),
                        info=w(f"words.{side}.about"),
                        lines=6,
                        max_lines=12,
                        min_width=280,
                        elem_id=f"words-{side}",
                    )
                    for side in ("exam", "lessons")
                )
            use = gr.Button(w("words.use"), variant="primary", elem_id="use-words")
        faults = gr.HTML(elem_id="words-faults")
    return WordsView(panel, tuple(boxes), language, write, sentences, exam, lessons, use, faults, message)


OPEN = """() => {
  const panel = document.querySelector("#words-panel"), box = () => panel.querySelector("textarea, input");
  if (!box()?.offsetParent) panel.querySelector("button").click();
  setTimeout(() => box()?.focus(), 100);
}"""

# Where nothing is wrong with the sentences, the first one comes into view; on a phone it is far above.
GO_TO_PROMPT = """() => {
  const refused = ["#words-faults", "#words-message"].some((name) => document.querySelector(name)?.innerText.trim());
  if (!refused) document.querySelector("#prompt-place")?.scrollIntoView({block: "start"});
}"""
