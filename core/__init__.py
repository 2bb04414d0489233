"""Adapting pretrained speech recognisers, without a page.

Imports point one way: cli -> pretraining -> runs -> training -> evaluation -> data -> models -> audio -> text -> storage
-> errors.

The names below are loaded when first used, so that importing a small part does not load torch and transformers.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "AttuneError": "core.errors",
    "decode": "core.audio.sound_files",
    "Clip": "core.data.clips.labelled_set",
    "LabelledSet": "core.data.clips.labelled_set",
    "gather": "core.data.importers.any_format",
    "read_sample": "core.data.samples",
    "load_model": "core.models.loading",
    "Recipe": "core.training.recipe",
    "preset": "core.training.presets",
    "find_rate": "core.training.rate_finder",
    "finetune": "core.training.loop",
    "score": "core.text.metrics",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'core' has no attribute {name!r}")
