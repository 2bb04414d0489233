"""Several models on one clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.audio import decode
from core.importers.samples import read_sample
from core.models.catalogue import load_model
from core.trials import ready_models, try_model


def test_what_is_ready_is_tried_once_the_chosen_one_first(bundled: Path) -> None:
    ids = ready_models("/some/folder", "whisper-tiny.en")
    assert ids[:2] == ["/some/folder", "whisper-tiny.en"]
    assert len(ids) == len(set(ids))
    assert "openai/whisper-small" not in ids  # would need a download


@pytest.mark.parametrize("labelled", [True, False])
def test_a_trial_says_what_was_heard_how_well_and_how_fast(bundled: Path, labelled: bool) -> None:
    clip = read_sample("general").clips[0]
    trial = try_model(load_model("whisper-tiny.en"), decode(clip.path), clip.text if labelled else "")
    assert trial.text.lower().startswith("she closed the window")
    assert trial.seconds > 0
    assert trial.parameters == pytest.approx(37.8e6, rel=0.02)
    assert (trial.score is not None) == labelled
    if trial.score is not None:
        assert trial.score.wer.rate < 0.2
