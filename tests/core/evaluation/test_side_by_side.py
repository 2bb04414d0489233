"""Several models on one clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.evaluation.side_by_side import ready_models, trial


def test_what_is_ready_is_tried_once_the_chosen_one_first(bundled: Path) -> None:
    ids = ready_models("/some/folder", "whisper-tiny.en")
    assert ids[:2] == ["/some/folder", "whisper-tiny.en"]
    assert len(ids) == len(set(ids))
    assert "openai/whisper-small" not in ids  # would need a download


@pytest.mark.parametrize("labelled", [True, False])
def test_a_trial_says_how_well_a_clip_was_transcribed(labelled: bool) -> None:
    said = "She closed the window."
    tried = trial("whisper-tiny.en", 37_800_000, "She closed a window.", 0.4, said if labelled else "")
    assert (tried.id, tried.parameters, tried.text, tried.seconds) == (
        "whisper-tiny.en",
        37_800_000,
        "She closed a window.",
        0.4,
    )
    assert (tried.score is not None) == labelled
    if tried.score is not None:
        assert tried.score.wer.rate == 0.25
