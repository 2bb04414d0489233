"""Step 3: recording the sentences of a list, with one button."""

from __future__ import annotations

import json
from dataclasses import dataclass

import gradio as gr

from demo.show.markup import escape, note
from demo.steps.listen.view import recorder
from demo.steps.teach.record import show as takes
from demo.wording import Wording


@dataclass(frozen=True)
class RecordView:
    """The components of prompted recording."""

    panel: gr.Accordion
    list: gr.Dropdown
    own: gr.Textbox
    use_own: gr.Button
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
    aim: gr.HTML
    message: gr.HTML


def build(w: Wording, lists: dict[str, tuple[str, ...]]) -> RecordView:
    """Lays out the panel; `lists` holds the prompts of each reading list, by name, and the first list is shown."""
    first = next(iter(lists))
    choices = [(w(f"record.list.{name}", prompts=len(prompts)), name) for name, prompts in lists.items()]
    with gr.Accordion(w("record.panel"), open=False, elem_id="reading") as panel:
        gr.HTML(note(w("record.no_microphone"), "warning"), elem_classes="no-microphone")
        listed = gr.Dropdown(choices, value=first, label=w("record.lists"), elem_id="reading-list")
        place = gr.HTML(takes.place(1, lists[first], (), w), elem_id="prompt-place")
        prompt = gr.HTML(takes.prompt(lists[first][0], w), elem_id="prompt")
        with gr.Row(elem_classes="reading-buttons"):
            previous = gr.Button(w("record.previous"), elem_id="previous-prompt", min_width=110, interactive=False)
            record = gr.Button(w("record.record"), variant="primary", elem_id="record", size="lg", min_width=220)
            keep = gr.Button(w("record.keep"), elem_id="keep", size="lg", min_width=220, interactive=False)
            following = gr.Button(w("record.next"), elem_id="next-prompt", min_width=110)
        gr.HTML(f'<p class="fine keys">{escape(w("record.keys"))}</p>')
        message = gr.HTML(elem_classes="message", elem_id="record-message")
        take = gr.HTML(note(w("record.empty")), elem_id="take")
        heard = gr.HTML(elem_id="take-heard")
        unheard = gr.HTML(elem_classes="message")  # separate: it must not erase the reason why a recording was refused
        audio = recorder(w("record.microphone"), ["microphone"], "prompt-audio")
        with gr.Row():
            upload = gr.UploadButton(
                w("record.upload"),
                file_types=["audio"],
                type="filepath",
                elem_id="upload-take",
                size="sm",
                scale=0,
                min_width=320,
            )
        aim = gr.HTML(takes.aim(0, 0, w), elem_id="aim")
        with gr.Accordion(w("record.own"), open=False):
            pasted = gr.Textbox(
                "\n".join(lists[first]), label=w("record.own_label"), lines=6, max_lines=12, elem_id="own-prompts"
            )
            use_own = gr.Button(w("record.use_own"), elem_id="use-own-prompts")
        shown = gr.Textbox(lists[first][0], visible="hidden")
        being_read = gr.Textbox(visible="hidden")
    return RecordView(
        panel, listed, pasted, use_own, shown, prompt, place, record, keep, previous, following, audio, being_read, upload,
        take, heard, unheard, aim, message,
    )  # fmt: skip


def on_start(w: Wording) -> str:
    """Returns JavaScript that runs when recording begins: the button now stops it, and the prompt shown is noted."""
    return f"(prompt) => {{ attune.recording(true); return [{json.dumps(w('record.stop'))}, prompt]; }}"


ON_STOP = "(...values) => { attune.recording(false); return values; }"
