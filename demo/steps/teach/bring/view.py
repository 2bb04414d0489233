"""Step 3: importing recordings from other people or programs."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.wording import Wording

POLL_SECONDS = 0.5
FIRST_ROWS = 100  # of a dataset on the hub


@dataclass(frozen=True)
class BringView:
    """The components of the import."""

    panel: gr.Accordion
    files: gr.File
    name: gr.Textbox
    language: gr.Dropdown
    start: gr.Button
    dataset: gr.Textbox
    rows: gr.Number
    fetch: gr.Button
    question: gr.Column
    asked: gr.HTML
    path: gr.Dropdown
    text: gr.Dropdown
    speaker: gr.Dropdown
    tier: gr.Dropdown
    answer: gr.Button
    progress: gr.HTML
    stop: gr.Button
    timer: gr.Timer
    arrived: gr.Textbox
    result: gr.HTML
    message: gr.HTML


def build(w: Wording, languages: tuple[str, ...]) -> BringView:
    """Lays out the import; `languages` are the languages of speech to choose from, as ISO 639-1 codes."""
    with gr.Accordion(w("bring.title"), open=False, elem_id="bring") as panel:
        gr.HTML(f'<p class="fine">{w("bring.about")}</p>')
        files = gr.File(file_count="multiple", label=w("bring.files"), height=130, elem_id="bring-files")
        with gr.Row():
            name = gr.Textbox(label=w("bring.name"), placeholder=w("bring.name_empty"), max_length=200, elem_id="bring-name")
            language = gr.Dropdown([(w(f"language.{code}"), code) for code in languages], value="en", label=w("bring.language"))
        start = gr.Button(w("bring.start"), variant="primary", elem_id="bring-start")
        with gr.Accordion(w("bring.hub"), open=False), gr.Row(elem_classes="field-and-button"):
            dataset = gr.Textbox(
                label=w("bring.dataset"), placeholder=w("bring.dataset_empty"), scale=3, elem_id="bring-dataset"
            )
            rows = gr.Number(FIRST_ROWS, label=w("bring.rows"), precision=0, minimum=1, scale=1, min_width=120)
            fetch = gr.Button(w("bring.fetch"), scale=0, min_width=160, elem_id="bring-fetch")
        message = gr.HTML(elem_classes="message")
        with gr.Column(visible=False, elem_id="bring-question") as question:
            asked = gr.HTML()
            with gr.Row():
                path = gr.Dropdown([], label=w("bring.column.path"))
                text = gr.Dropdown([], label=w("bring.column.text"))
                speaker = gr.Dropdown([], label=w("bring.column.speaker"))
                tier = gr.Dropdown([], label=w("bring.tier"))
            answer = gr.Button(w("bring.answer"), elem_id="bring-answer")
        progress = gr.HTML(elem_id="bring-progress")
        stop = gr.Button(w("bring.stop"), visible=False, elem_id="bring-stop")
        result = gr.HTML(elem_id="bring-result")
        timer = gr.Timer(POLL_SECONDS, active=False)
        arrived = gr.Textbox(visible="hidden")
    return BringView(
        panel, files, name, language, start, dataset, rows, fetch, question, asked, path, text, speaker, tier, answer,
        progress, stop, timer, arrived, result, message,
    )  # fmt: skip
