"""What bounds runs and ladders, apart from what carries them out."""

from __future__ import annotations

MAX_CLIP_SECONDS = 30.0  # a longer clip does not fit Whisper's window, and a batch of them no laptop's memory
GROUPS = ("test", "canary", "own")  # of clips that both models read
MIN_REPEATS = 3  # of every size of a ladder; fewer do not show how much depends on which clips were taken
