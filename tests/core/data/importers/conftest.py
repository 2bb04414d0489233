"""A recording of which every part is recognisable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """Four seconds of noise, see `parts`."""
    path = tmp_path / "in" / "talk.wav"
    path.parent.mkdir()
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 64_000), 16_000, subtype="PCM_16")
    return path
