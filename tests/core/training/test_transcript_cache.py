"""An unchanged model reads a clip once."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from core.models.base.protocol import AsrModel
from core.models.loading import load_model
from core.training import transcript_cache
from core.training.transcript_cache import UnchangedTranscriber, transcribe_once
from tests.conftest import tone

WAVES = [tone(0.8, 200), tone(1.1, 330, seed=1)]


@pytest.fixture
def model(tiny_ctc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsrModel:
    monkeypatch.setenv("ATTUNE_HOME", str(tmp_path))
    return load_model(str(tiny_ctc), precision="float32")


@pytest.fixture
def read(model: AsrModel, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each call of `transcribe` read."""
    counts: list[int] = []
    real = type(model).transcribe

    def counted(self: AsrModel, waves: list[np.ndarray]) -> list:
        counts.append(len(waves))
        return real(self, waves)

    monkeypatch.setattr(type(model), "transcribe", counted)
    return counts


def test_a_clip_is_read_once_and_comes_back_the_same(model: AsrModel, read: list[int], tiny_ctc: Path) -> None:
    first = transcribe_once(model, WAVES)
    assert first == model.transcribe(WAVES)
    del read[:]
    assert transcribe_once(model, WAVES) == first
    assert transcribe_once(load_model(str(tiny_ctc), precision="float32"), WAVES[::-1]) == first[::-1]
    assert read == []
    assert transcribe_once(model, [WAVES[0], tone(0.9)])[0] == first[0]
    assert read == [1]


def test_nothing_is_read_of_no_clips(model: AsrModel, read: list[int]) -> None:
    assert transcribe_once(model, []) == []
    assert read == []


def test_other_weights_and_settings_are_another_model(model: AsrModel, read: list[int]) -> None:
    transcribe_once(model, WAVES)
    with torch.no_grad():
        next(model.network.parameters()).add_(1e-6)
    transcribe_once(model, WAVES)
    model.language = "sw"
    transcribe_once(model, WAVES)
    assert read == [2, 2, 2]


def test_weights_that_stay_are_hashed_once(model: AsrModel, read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    real = transcript_cache.weights_key
    monkeypatch.setattr(transcript_cache, "weights_key", lambda tensors: hashed.append(real(tensors)) or hashed[-1])
    reader = UnchangedTranscriber()
    assert reader(model, []) == []
    first = reader(model, WAVES)
    model.language = "sw"  # what is set may change
    reader(model, WAVES)
    model.language = ""
    assert reader(model, WAVES[::-1]) == first[::-1]
    assert read == [2, 2]
    assert len(hashed) == 1
    assert transcribe_once(model, WAVES) == first  # under the same keys
    other = copy.deepcopy(model)
    with torch.no_grad():
        next(other.network.parameters()).add_(1e-6)
    reader(other, WAVES)
    assert read == [2, 2, 2]
