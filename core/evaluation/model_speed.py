"""How fast models are on this computer: measured once, stored, and shown in the catalogue."""

from __future__ import annotations

import time

from core.audio import sound_files
from core.audio.sound_files import SAMPLE_RATE
from core.data.samples import CANARY, read_sample
from core.models.loading import load_model
from core.storage.files import home, write_json
from core.storage.state import Damaged, lock, read_checked

FILE = "measured.json"  # in the home folder: model id -> real-time factor


def real_time_factors() -> dict[str, float]:
    """Returns the real-time factors measured on this computer, by model id."""
    try:
        return read_checked(home() / FILE, dict[str, float])
    except (OSError, Damaged):  # not measured yet, or not by this program
        return {}


def measure(id: str) -> float:
    """Transcribes the general sample clips one by one and stores how long that took.

    Returns:
        The real-time factor: computing time per second of sound, excluding loading and the first clip.

    Raises:
        ModelError: the model cannot be loaded.
        OSError: the disk is full.
    """
    waves = [sound_files.decode(clip.path) for clip in read_sample(CANARY).clips]
    model = load_model(id)
    model.transcribe(waves[:1])  # the first one also prepares buffers and kernels
    begun = time.perf_counter()
    for wave in waves[1:]:
        model.transcribe([wave])
    factor = (time.perf_counter() - begun) / (sum(map(len, waves[1:])) / SAMPLE_RATE)
    home().mkdir(parents=True, exist_ok=True)
    with lock(home() / f"{FILE}.lock"):
        write_json(home() / FILE, {**real_time_factors(), id: round(factor, 4)})
    return factor
