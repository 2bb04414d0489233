"""The recorder that several steps use."""

from __future__ import annotations

import gradio as gr

from core.audio.sound_files import SAMPLE_RATE

WAVE = gr.WaveformOptions(sample_rate=SAMPLE_RATE, show_recording_waveform=True)


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
