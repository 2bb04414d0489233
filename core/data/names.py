"""Names of the sample sets, import formats and export layouts, here because the modules that use them load more."""

from __future__ import annotations

SAMPLES = ("accent", "noise", "language")
CANARY = "general"
REPLAY = "replay"
OWN = "own"  # the set of the clips that a visitor of the page recorded, whose test clips are an exam

# In the order that `core.data.importers.formats` tries them.
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
