"""A seeded fine-tune of a tiny random network yields the events that were recorded before its code was rewritten.

What is kept in the end is recorded since the mean of the last steps is kept unless the evidence is against it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.audio.augment.settings import Augmentation
from core.models.loading import load_model
from core.training.events import to_json
from core.training.loop import finetune
from core.training.recipe import Recipe
from tests.conftest import tone

RECORDED = Path(__file__).with_name("recorded_events.json")
TRAIN = [(tone(0.6 + 0.2 * i, 150 + 70 * i, seed=i), text) for i, text in enumerate(["one", "two", "three", "four", "five"])]
HELD_OUT = [(tone(1.1, 333, seed=9), "six"), (tone(0.9, 444, seed=8), "seven")]
GENERAL = [(tone(0.7 + 0.3 * i, 500 + 90 * i, seed=20 + i), text) for i, text in enumerate(["eight", "nine", "ten"])]
WATCH = [(tone(1.0, 280, seed=30), "eleven")]

HELD_BACK: dict[str, Any] = {
    "learning_rate": 1e-2, "epochs": 2, "batch_size": 2, "evaluations": 2, "weight_decay": 0.01, "l2_sp": 0.01,
    "dropout": 0.1, "layer_decay": 0.8, "replay": 0.3, "average": 0.5, "label_smoothing": 0.1,
}  # fmt: skip
VARIED = Augmentation(speed=0.1, gain=6.0, noise=0.5, reverb=0.5, telephone=0.3, time_mask=0.2, frequency_mask=0.2)
# Together they go through all that draws random numbers and all ways to compute a loss.
CASES: dict[str, tuple[str, Recipe]] = {
    "whisper": ("tiny_whisper", Recipe(**HELD_BACK, augment=VARIED, guards=False)),
    "whisper, decoder": ("tiny_whisper", Recipe(**HELD_BACK, trains="decoder", layer_drop=0.3, guards=False)),
    "whisper, disturbed": ("tiny_whisper", Recipe(**HELD_BACK, adversarial=0.01, trains="last", last_layers=1, guards=False)),
    "ctc": ("tiny_ctc", Recipe(**HELD_BACK, augment=VARIED, layer_drop=0.3)),
    "ctc, last": ("tiny_ctc", Recipe(**HELD_BACK, trains="last", last_layers=1)),
    "ctc, all but front": ("tiny_ctc", Recipe(**HELD_BACK, trains="all_but_front", augment=Augmentation(time_mask=0.3))),
    "ctc, random": ("tiny_ctc", Recipe(**HELD_BACK, start="random", unfreeze=0.5, accumulate=2)),
}  # fmt: skip
CLOCKS = ("seconds", "remaining", "evaluation_seconds")  # which were not recorded
# Sums of float32 come out in another order on another CPU: 6e-8 each. AdamW divides a gradient by its own size, so where
# one is almost 0, such a difference moves a parameter by up to twice the rate: measured between AVX-512 and SSE4, up to
# 4e-6 of a loss and 1.5e-4 of a distance. A lost random number changes the first digits.
TOLERANCES = {"loss": 1e-4, "penalty": 2e-3, "distance": 2e-3, "drift": 2e-3}


def events(folder: Path, recipe: Recipe) -> list[dict[str, Any]]:
    """Returns what a fine-tune in float32 yields, as it is in a run's file."""
    model = load_model(str(folder), precision="float32")
    happened = finetune(model, TRAIN, HELD_OUT, recipe, seed=3, general=GENERAL, watch=WATCH)
    return json.loads(json.dumps([to_json(event) for event in happened]))


@pytest.mark.parametrize("case", CASES)
def test_events_are_those_recorded(case: str, request: pytest.FixtureRequest) -> None:
    fixture, recipe = CASES[case]
    found, recorded = events(request.getfixturevalue(fixture), recipe), json.loads(RECORDED.read_text())[case]
    steps = recorded[-1]["steps"]
    assert [event["event"] for event in found] == [event["event"] for event in recorded]
    for event, expected in zip(found, recorded, strict=True):
        assert event.keys() - set(CLOCKS) == expected.keys()
        # A random Whisper is not sure which of 51,864 tokens to write, so rounding may change its words; after the last step
        # it is sure to write one word, and that this is not the right one.
        unsure = {"watched", "texts", "cer"} | ({"wer", "canary_wer", "clip_errors"} if event.get("step") != steps else set())
        for name in expected.keys() - (unsure if fixture == "tiny_whisper" else set()):
            told = f"{expected['event']} {expected.get('step', '')}: {name}"
            if name == "drift":
                assert [layer for layer, _ in event[name]] == [layer for layer, _ in expected[name]], told
                moved = [value for _, value in expected[name]]
                assert [value for _, value in event[name]] == pytest.approx(moved, rel=TOLERANCES[name], abs=1e-9), told
            elif name in TOLERANCES and expected[name] is not None:
                assert event[name] == pytest.approx(expected[name], rel=TOLERANCES[name], abs=1e-9), told
            else:
                assert event[name] == expected[name], told
