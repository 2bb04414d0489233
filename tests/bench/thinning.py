"""What leaving out most of the padding's silence saves, and what it costs in errors."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from core.models.base.protocol import Example
from core.models.loading import load_model
from core.models.whisper.model import TRANSCRIBE_BATCH
from tests.bench.adapting import counted
from tests.bench.clips import Spoken

STATES = (True, False)


def thinning(source: Path, sets: dict[str, Spoken]) -> dict[str, Any]:
    """Reads sets of clips with and without thinning, in turns of a batch, so that both have the same machine.

    Args:
        source: folder of a Whisper.
        sets: the clips, by the name of their set.

    Returns:
        For each set and state the seconds of encoding and of transcribing all clips, and every clip's errors.
    """
    model = load_model(str(source))
    examples = {name: [model.example(wave, "") for wave in spoken.waves] for name, spoken in sets.items()}
    for thin in STATES:  # the first time also prepares buffers and kernels
        model.thin = thin
        model.transcribe(next(iter(sets.values())).waves[:1])
    results: dict[str, Any] = {}
    for name, spoken in sets.items():
        order = sorted(range(len(spoken.waves)), key=lambda i: len(spoken.waves[i]))
        texts: dict[bool, dict[int, str]] = {thin: {} for thin in STATES}
        seconds = {thin: {"encode": 0.0, "transcribe": 0.0} for thin in STATES}
        for start in range(0, len(order), TRANSCRIBE_BATCH):
            chosen = order[start : start + TRANSCRIBE_BATCH]
            for thin in STATES:
                model.thin = thin
                seconds[thin]["encode"] += _encode(model, [examples[name][i] for i in chosen])
                began = time.perf_counter()
                read = model.transcribe([spoken.waves[i] for i in chosen])
                seconds[thin]["transcribe"] += time.perf_counter() - began
                texts[thin].update(zip(chosen, (transcript.text for transcript in read), strict=True))
        results[name] = {
            "thin" if thin else "whole": {
                **seconds[thin],
                "errors": counted(spoken, [texts[thin][i] for i in range(len(order))]),
            }
            for thin in STATES
        }
    return {"sets": results}


@torch.no_grad()
def _encode(model: Any, batch: list[Example]) -> float:
    began = time.perf_counter()
    model.prefix(batch)
    return time.perf_counter() - began
