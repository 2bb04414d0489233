"""The sentences of a list, read aloud and recorded with one button, on the stage."""

from __future__ import annotations

import json
from dataclasses import dataclass

import gradio as gr

from core.data.clips.exam import planned
from demo.show.languages import first_language
from demo.show.markup import escape, fine, no_microphone, note
from demo.steps.recorder import recorder
from demo.steps.teach.record import show as takes
from demo.steps.teach.record.words import view as words
from demo.steps.teach.record.words.view import WordsView
from demo.wording import Wording
from demo.wording.reading_lists import KINDS, LISTS, OWN, WORDS, listed


@dataclass(frozen=True)
class RecordView:
    """The components of prompted recording."""

    list: gr.Dropdown
    words: WordsView
    own: gr.Textbox
    use_own: gr.Button
    done: gr.Button
    auto: gr.Checkbox
    shown: gr.Textbox
    prompt: gr.HTML
    place: gr.HTML
    record: gr.Button
    keep: gr.Button
    previous: gr.Button
    next: gr.Button
    audio: gr.Audio
    being_read: gr.Textbox
    upload: gr.UploadButton
    take: gr.HTML
    heard: gr.HTML
    unheard: gr.HTML
    exam: gr.HTML
    offers: gr.Row
    harder: gr.Button
    names: gr.Button
    own_words: gr.Button
    noise: gr.Button
    language: gr.Button
    more: gr.Button
    message: gr.HTML


def build(w: Wording) -> RecordView:
    """Lays out the panel, with the first reading list."""
    spoken = first_language(w.language)
    chosen = f"{spoken}_{KINDS[0]}"
    plan = planned(listed(chosen), spoken, {})
    first = plan[0].text
    choices = [(w(f"record.list.{name}"), name) for name in (*LISTS, WORDS, OWN)]
    with gr.Column(elem_id="reading"):
        with gr.Row(elem_classes="reading-head"):
            place = gr.HTML(takes.place(plan, first, (), {}, w), elem_id="prompt-place")
            done = gr.Button(w("record.done"), size="sm", scale=0, min_width=120, elem_id="read-done")
        prompt = gr.HTML(takes.prompt(first, w), elem_id="prompt")
        with gr.Row(elem_classes="reading-buttons"):
            previous = gr.Button(w("record.previous"), elem_id="previous-prompt", min_width=110, interactive=False)
            record = gr.Button(w("record.record"), variant="primary", elem_id="record", size="lg", min_width=220)
            keep = gr.Button(w("record.continue"), elem_id="keep", size="lg", min_width=220, interactive=False)
            gr.Button(w("record.start_over"), elem_id="start-over", size="lg", min_width=220)
            following = gr.Button(w("record.next"), elem_id="next-prompt", min_width=110)
        gr.HTML(no_microphone("upload-take", w), elem_classes="no-microphone")
        auto = gr.Checkbox(True, label=w("record.auto"), elem_id="auto", container=False)
        message = gr.HTML(elem_classes="message", elem_id="record-message")
        take = gr.HTML(note(w("record.empty")), elem_id="take")
        heard = gr.HTML(elem_id="take-heard")
        unheard = gr.HTML(elem_classes="message")  # separate: it must not erase the reason why a recording was refused
        exam = gr.HTML(fine(w("record.exam.empty")), elem_id="exam")
        with gr.Row(visible=False, elem_id="offers") as offers:
            harder, names, own_words, noise, language = (
                gr.Button(w(f"record.offer.{name}"), size="sm", min_width=180, elem_id=f"offer-{name}")
                for name in ("accent", "names", "own", "noise", "language")
            )
        more = gr.Button(w("record.more"), visible=False, elem_id="more-prompts")
        audio = recorder(w("record.microphone"), ["microphone"], "prompt-audio")
        upload = gr.UploadButton(
            w("record.upload"),
            file_types=["audio"],
            type="filepath",
            elem_id="upload-take",
            size="sm",
            scale=0,
            min_width=320,
        )
        with gr.Accordion(w("record.other"), open=False, elem_id="reading-other"):
            gr.HTML(f'<p class="fine keys">{escape(w("record.keys"))}</p>')
            lists = gr.Dropdown(choices, value=chosen, label=w("record.lists"), elem_id="reading-list")
            own_terms = words.build(w)
            with gr.Accordion(w("record.own"), open=False):
                pasted = gr.Textbox(
                    "\n".join(prompt.text for prompt in plan),
                    label=w("record.own_label"),
                    lines=6,
                    max_lines=12,
                    elem_id="own-prompts",
                )
                use_own = gr.Button(w("record.use_own"), elem_id="use-own-prompts")
        shown = gr.Textbox(first, visible="hidden")
        being_read = gr.Textbox(visible="hidden")
    return RecordView(
        lists, own_terms, pasted, use_own, done, auto, shown, prompt, place, record, keep, previous, following, audio,
        being_read, upload, take, heard, unheard, exam, offers, harder, names, own_words, noise, language, more, message,
    )  # fmt: skip


def on_start(w: Wording) -> str:
    """Returns JavaScript that runs when recording begins: the button now stops it, and the prompt shown is noted."""
    return f"(prompt) => {{ attune.recording(true); return [{json.dumps(w('record.stop'))}, prompt]; }}"


# A recording that was started over has no prompt, so that nothing is received.
ON_STOP = """(prompt, ...values) => {
  attune.recording(false);
  return [attune.discarded() ? "" : prompt, ...values];
}"""
