"""Constants of runs and ladders, kept apart from the modules that execute them."""

from __future__ import annotations

GROUPS = ("test", "canary", "own")  # groups of clips that both models transcribe
MIN_REPEATS = 3  # of every size of a ladder; fewer do not show how much depends on the choice of clips
