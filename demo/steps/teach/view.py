"""Step 3: the labelled set."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.data.samples import SAMPLES
from demo.show.markup import heading, note, subheading
from demo.steps import removed_panel as removed
from demo.steps.removed_panel import RemovedView
from demo.steps.teach.bring import view as bring
from demo.steps.teach.bring.view import BringView
from demo.steps.teach.inspect import view as inspect
from demo.steps.teach.inspect.view import InspectView
from demo.steps.teach.library import view as library
from demo.steps.teach.library.view import LibraryView
from demo.steps.teach.proofread import view as proofread
from demo.steps.teach.proofread.view import ProofreadView
from demo.steps.teach.record import view as record
from demo.steps.teach.record.view import RecordView
from demo.steps.teach.split import view as split
from demo.steps.teach.split.view import SplitView
from demo.steps.teach.write import view as write
from demo.steps.teach.write.view import WriteView
from demo.wording import Wording

LANGUAGES = ("en", "zh", "es", "fr", "de", "pt", "it", "ru", "ar", "hi", "ja", "ko", "sw", "be")


@dataclass(frozen=True)
class TeachView:
    """The components of step 3 and of its panels."""

    choice: gr.Radio
    card: gr.HTML
    text: gr.Textbox
    add: gr.Button
    added: gr.HTML
    own_panel: gr.Accordion
    own: gr.HTML
    removal: gr.Dropdown
    remove: gr.Button
    removed: RemovedView
    removed_note: gr.HTML
    language: gr.Dropdown
    record: RecordView
    proofread: ProofreadView
    bring: BringView
    inspect: InspectView
    split: SplitView
    write: WriteView
    library: LibraryView
    message: gr.HTML


def build(w: Wording) -> TeachView:
    """Lays out step 3."""
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
        gr.HTML(subheading(w("teach.collect")))
        reader = record.build(w)
        proofreading = proofread.build(w)
        with gr.Accordion(w("teach.mine"), open=False) as own_panel:
            own = gr.HTML(note(w("teach.none")), elem_id="own-clips")
            language = gr.Dropdown([(w(f"language.{code}"), code) for code in LANGUAGES], value="en", label=w("teach.language"))
            with gr.Row(elem_classes="field-and-button"):
                removal = gr.Dropdown([], label=w("teach.remove"), scale=4, elem_id="clip-to-remove")
                remove = gr.Button(w("teach.remove_button"), scale=0, min_width=180, elem_id="remove-clip")
            gone = removed.build("clips", w)
            removed_note = gr.HTML(elem_id="removed-note")
        gr.HTML(subheading(w("teach.sets")))
        managed = bring.build(w, LANGUAGES), inspect.build(w), split.build(w), write.build(w), library.build(w)
    return TeachView(
        choice, card, text, add, added, own_panel, own, removal, remove, gone, removed_note, language, reader, proofreading,
        *managed, message,
    )  # fmt: skip
