"""View of step 3: labelled clips and sets. The set to train on is chosen on the stage, where sentences are read too."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from demo.show.languages import first_language
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
from demo.steps.teach.split import view as split
from demo.steps.teach.split.view import SplitView
from demo.steps.teach.write import view as write
from demo.steps.teach.write.view import WriteView
from demo.wording import Wording

LANGUAGES = ("en", "zh", "es", "fr", "de", "pt", "it", "ru", "ar", "hi", "ja", "ko", "sw", "be")


@dataclass(frozen=True)
class TeachView:
    """The components of step 3 and of its panels."""

    card: gr.HTML
    own_panel: gr.Accordion
    own: gr.HTML
    removal: gr.Dropdown
    remove: gr.Button
    removed: RemovedView
    removed_note: gr.HTML
    language: gr.Dropdown
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
        card = gr.HTML(elem_id="set-card")
        message = gr.HTML(elem_classes="message")
        gr.HTML(subheading(w("teach.collect")))
        proofreading = proofread.build(w)
        with gr.Accordion(w("teach.mine"), open=False) as own_panel:
            own = gr.HTML(note(w("teach.none")), elem_id="own-clips")
            language = gr.Dropdown(
                [(w(f"language.{code}"), code) for code in LANGUAGES],
                value=first_language(w.language),
                label=w("teach.language"),
            )
            with gr.Row(elem_classes="field-and-button"):
                removal = gr.Dropdown([], label=w("teach.remove"), scale=4, elem_id="clip-to-remove")
                remove = gr.Button(w("teach.remove_button"), scale=0, min_width=180, elem_id="remove-clip")
            gone = removed.build("clips", w)
            removed_note = gr.HTML(elem_id="removed-note")
        gr.HTML(subheading(w("teach.sets")))
        managed = bring.build(w, LANGUAGES), inspect.build(w), split.build(w), write.build(w), library.build(w)
    return TeachView(
        card, own_panel, own, removal, remove, gone, removed_note, language, proofreading, *managed, message,
    )  # fmt: skip
