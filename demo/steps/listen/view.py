"""View of step 2: a clip and the base's transcript of it."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from core.audio.sound_files import SAMPLE_RATE
from demo.show.markup import heading, no_microphone, note
from demo.wording import Wording

WAVE = gr.WaveformOptions(sample_rate=SAMPLE_RATE, show_recording_waveform=True)


@dataclass(frozen=True)
class ListenView:
    """The components of step 2."""

    audio: gr.Audio
    transcript: gr.HTML
    details: gr.Accordion
    spectrogram: gr.HTML
    try_all: gr.Button
    trials: gr.HTML
    message: gr.HTML


def build(w: Wording) -> ListenView:
    """Lays out step 2."""
    with gr.Column(elem_classes="step", elem_id="step-listen"):
        gr.HTML(heading(2, "listen", w))
        audio = recorder(w("listen.record"), ["microphone", "upload"], "clip")
        gr.HTML(no_microphone("clip", w), elem_classes="no-microphone")
        transcript = gr.HTML(note(w("listen.empty")), elem_id="heard")
        message = gr.HTML(elem_classes="message")
        with gr.Accordion(w("listen.spectrogram"), open=False) as details:
            gr.HTML(f'<p class="fine">{w("listen.spectrogram_about")}</p>')
            spectrogram = gr.HTML(elem_id="spectrogram")
        with gr.Accordion(w("listen.which"), open=False):
            try_all = gr.Button(w("listen.try_all"), elem_id="try-all")
            trials = gr.HTML(elem_id="trials")
    return ListenView(audio, transcript, details, spectrogram, try_all, trials, message)


def recorder(label: str, sources: list, elem_id: str) -> gr.Audio:
    """Returns a recorder whose file reaches the handler unchanged, not decoded."""
    return gr.Audio(
        sources=sources,
        type="filepath",
        label=label,
        waveform_options=WAVE,
        buttons=["download"],
        editable=False,
        elem_id=elem_id,
    )
