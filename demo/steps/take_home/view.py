"""View of step 6: trying the adapted model, naming the run, and downloading the model and the report."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.runs.run_name import MAX_CHARACTERS
from demo.show.markup import fine, heading, no_microphone, note, subheading
from demo.steps.recorder import recorder
from demo.wording import Wording


@dataclass(frozen=True)
class TakeHomeView:
    """The components of step 6."""

    trial: gr.Column
    sound: gr.Audio
    written: gr.HTML
    trial_message: gr.HTML
    naming: gr.Row
    name: gr.Textbox
    rename: gr.Button
    name_note: gr.HTML
    name_message: gr.HTML
    download: gr.HTML
    report: gr.HTML


def build(w: Wording) -> TakeHomeView:
    """Lays out step 6."""
    with gr.Column(elem_classes="step", elem_id="step-home"):
        gr.HTML(heading(6, "home", w))
        with gr.Column(visible=False, elem_id="try-here") as trial:
            gr.HTML(subheading(w("home.try")) + fine(w("home.try.about")))
            sound = recorder(w("home.try.record"), ["microphone", "upload"], "try-clip")
            gr.HTML(no_microphone("try-clip", w), elem_classes="no-microphone")
            written = gr.HTML(elem_id="try-written")
            trial_message = gr.HTML(elem_classes="message")
        with gr.Row(visible=False, elem_id="run-name", elem_classes="field-and-button") as naming:
            name = gr.Textbox(
                label=w("home.name"), info=w("home.name.info"), max_length=MAX_CHARACTERS, max_lines=1, elem_id="run-name-text"
            )
            rename = gr.Button(w("home.name.save"), elem_id="run-name-save")
        name_note = gr.HTML(elem_id="run-name-note")
        name_message = gr.HTML(elem_classes="message")
        download = gr.HTML(note(w("home.empty")), elem_id="take-home")
        report = gr.HTML(elem_id="report")
    return TakeHomeView(trial, sound, written, trial_message, naming, name, rename, name_note, name_message, download, report)
