"""Step 3: the labelled set."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.importers.samples import SAMPLES
from demo.presenters import heading, note
from demo.views import sets
from demo.views.listen import recorder
from demo.views.sets import SetsView
from demo.wording import Wording

LANGUAGES = ("en", "zh", "es", "fr", "de", "pt", "it", "ru", "ar", "hi", "ja", "ko", "sw", "be")


@dataclass(frozen=True)
class TeachView:
    """The components of step 3."""

    choice: gr.Radio
    card: gr.HTML
    text: gr.Textbox
    add: gr.Button
    added: gr.HTML
    own_panel: gr.Accordion
    own: gr.HTML
    removal: gr.Dropdown
    remove: gr.Button
    language: gr.Dropdown
    prompts: gr.Textbox
    prompt: gr.Textbox
    prompt_audio: gr.Audio
    keep: gr.Button
    skip: gr.Button
    prompt_note: gr.HTML
    sets: SetsView
    message: gr.HTML


def build(w: Wording, prompts: str) -> TeachView:
    """Lays out step 3; `prompts` is the reading list, one sentence a line."""
    with gr.Column(elem_classes="step", elem_id="step-teach"):
        gr.HTML(heading(3, "teach", w))
        choice = gr.Radio(
            [(w(f"set.{name}"), name) for name in (*SAMPLES, "own")], value=SAMPLES[0], label=w("teach.set"), elem_id="set"
        )
        card = gr.HTML(elem_id="set-card")
        with gr.Row(elem_classes="field-and-button"):
            text = gr.Textbox(
                label=w("teach.correct"), placeholder=w("teach.correct_empty"), lines=2, scale=4, elem_id="correct"
            )
            add = gr.Button(w("teach.add"), scale=0, min_width=180, elem_id="add-clip")
        added = gr.HTML(elem_id="added")
        message = gr.HTML(elem_classes="message")
        with gr.Accordion(w("teach.prompts"), open=False, elem_id="prompts"):
            prompt = gr.Textbox(prompts.splitlines()[0], label=w("teach.prompt"), interactive=False, lines=2, elem_id="prompt")
            prompt_audio = recorder(w("teach.prompt_record"), ["microphone"], "prompt-audio")
            with gr.Row():
                keep = gr.Button(w("teach.prompt_keep"), elem_id="keep")
                skip = gr.Button(w("teach.prompt_skip"), elem_id="skip")
            prompt_note = gr.HTML(elem_id="prompt-note")
            listed = gr.Textbox(prompts, label=w("teach.prompt_list"), lines=6, max_lines=12)
        with gr.Accordion(w("teach.mine"), open=False) as own_panel:
            own = gr.HTML(note(w("teach.none")), elem_id="own-clips")
            language = gr.Dropdown([(w(f"language.{code}"), code) for code in LANGUAGES], value="en", label=w("teach.language"))
            with gr.Row(elem_classes="field-and-button"):
                removal = gr.Dropdown([], label=w("teach.remove"), scale=4)
                remove = gr.Button(w("teach.remove_button"), scale=0, min_width=180)
        managed = sets.build(w, LANGUAGES)
    return TeachView(
        choice, card, text, add, added, own_panel, own, removal, remove, language, listed, prompt, prompt_audio, keep, skip,
        prompt_note, managed, message,
    )  # fmt: skip
