"""What bounds runs and ladders, apart from what carries them out."""

from __future__ import annotations

GROUPS = ("test", "canary", "own")  # of clips that both models read
MIN_REPEATS = 3  # of every size of a ladder; fewer do not show how much depends on which clips were taken
