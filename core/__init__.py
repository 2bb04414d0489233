"""Adapting pretrained speech recognisers, without a page.

Imports point one way: cli -> report, lineup -> outcome -> execute, forecast -> training, export -> ladder -> freezing,
features, runs, alignment -> models, analysis -> recipe, importers, compare, robustness -> dataset, collection -> audio,
metrics -> text, files, events -> errors.

The names below are loaded when first used, so that importing a small part does not load torch and transformers.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "AttuneError": "core.errors",
    "decode": "core.audio",
    "Clip": "core.dataset",
    "LabelledSet": "core.dataset",
    "gather": "core.importers",
    "read_sample": "core.importers.samples",
    "load_model": "core.models.catalogue",
    "Recipe": "core.recipe",
    "finetune": "core.training",
    "score": "core.metrics",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'core' has no attribute {name!r}")
