"""The names by which sample sets, formats and layouts are asked for; the files that read and write them load more."""

from __future__ import annotations

SAMPLES = ("accent", "noise", "language")
CANARY = "general"
REPLAY = "replay"

# In the order in which `core.data.importers.formats` tries them.
FORMAT_NAMES = (
    "common_voice",
    "kaldi",
    "aishell",
    "librispeech",
    "speech_commands",
    "audiofolder",
    "elan",
    "textgrid",
    "text_files",
    "manifest",
    "huggingface",
)
ARCHIVE = "archive"
LAYOUT_NAMES = ("csv", "audiofolder", "common_voice")  # of `core.data.exporters`
