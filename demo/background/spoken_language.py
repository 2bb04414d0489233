"""The language spoken in a clip, asked of a multilingual model that is on this computer."""

from __future__ import annotations

import numpy as np

from core.models.base.protocol import TellsLanguages
from core.models.languages import language_heard, ready_detector
from demo.background.model_pool import ModelPool


def spoken_language(pool: ModelPool, owner: str, wave: np.ndarray) -> str:
    """Returns the ISO 639-1 code of the language spoken in a clip; "" if no model can tell, or the model is not sure.

    Args:
        pool: models in memory.
        owner: whose clip it is.
        wave: float32 [samples] at 16 kHz, of which the first 30 s count.

    Raises:
        ModelError: the model cannot be loaded.
    """
    id = ready_detector()
    if not id:
        return ""
    with pool.lend(owner, id, soon=False) as model:
        return language_heard(model.spoken(wave)) if isinstance(model, TellsLanguages) else ""
