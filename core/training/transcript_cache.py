"""A cache of transcripts: an unchanged model transcribes a clip the same way in every run."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence

import numpy as np
import torch

from core.audio.sound_files import fingerprint
from core.models.base.protocol import AsrModel, Transcript
from core.storage.cache import DiskCache, key_of

VERSION = 7  # raise it when the same weights may give a different transcript than before
BUDGET_BYTES = 200_000_000


def transcribe_once(model: AsrModel, waves: Sequence[np.ndarray], weights: str = "") -> list[Transcript]:
    """Transcribes, taking from the cache what this model has transcribed before.

    Args:
        model: the model; identified by its weights and settings, not by its name.
        waves: float32 [samples] at 16 kHz.
        weights: `weights_key` of the model's state, if the caller knows it; otherwise it is computed.
    """
    cache = DiskCache("transcripts", BUDGET_BYTES)
    model_key = _model_key(model, weights) if waves else ""
    keys = [f"{fingerprint(wave)}-{key_of([model_key, np.ascontiguousarray(wave).tobytes()])}" for wave in waves]
    kept = {key: transcript for key in set(keys) if (transcript := _read(cache, key)) is not None}
    missing = [i for i, key in enumerate(keys) if key not in kept]
    for i, transcript in zip(missing, model.transcribe([waves[i] for i in missing]) if missing else (), strict=True):
        cache.write(keys[i], json.dumps(dataclasses.asdict(transcript)).encode())
        kept[keys[i]] = transcript
    return [kept[key] for key in keys]


class UnchangedTranscriber:
    """Transcribes like `transcribe_once`, but hashes the model's weights only once for all calls.

    The caller must ensure that the weights do not change in the meantime. This class cannot detect it: a fused optimiser
    changes weights without a trace. Settings such as the language may change.
    """

    def __init__(self) -> None:
        self._model: AsrModel | None = None
        self._weights = ""

    def __call__(self, model: AsrModel, waves: Sequence[np.ndarray]) -> list[Transcript]:
        """Transcribes float32 [samples] at 16 kHz."""
        if waves and model is not self._model:
            self._model, self._weights = model, weights_key(model.network.state_dict().items())
        return transcribe_once(model, waves, self._weights)


def weights_key(tensors: Iterable[tuple[str, torch.Tensor]]) -> str:
    """Returns a key of named weights: a hash of their names, shapes and every bit of their values."""
    return key_of(part for name, tensor in tensors for part in (name, str(tuple(tensor.shape)), _bytes(tensor)))


def _model_key(model: AsrModel, weights: str) -> str:
    settings = {name: value for name, value in vars(model).items() if isinstance(value, str | int | float | bool)}
    settings.pop("id", None)
    settings |= {
        "device": model.device.type,
        "threads": torch.get_num_threads(),
        "version": VERSION,
        "torch": torch.__version__,
    }
    weights = weights or weights_key(model.network.state_dict().items())
    return key_of([weights, json.dumps(settings, sort_keys=True), model.family])


def _bytes(tensor: torch.Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()


def _read(cache: DiskCache, key: str) -> Transcript | None:
    found = cache.read(key)
    if found is None:
        return None
    try:
        return Transcript(**json.loads(found.tobytes()))
    except (ValueError, TypeError):  # written by another version
        return None
