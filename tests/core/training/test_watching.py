"""A watched clip: its weights do not depend on it, and it takes no more time than allowed."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from core.audio.augment.settings import Augmentation
from core.models.loading import load_model
from core.storage import cache
from core.training import watching
from core.training.events import Evaluated, Event, Stepped, Trained, Watched
from core.training.loop import finetune
from core.training.recipe import Recipe
from core.training.watching import LEAST_SECONDS, MOMENTS, SHARE, WatchedClip, Watcher, at_most
from tests.conftest import tone

TRAIN = [(tone(0.6 + 0.2 * i, 150 + 70 * i, seed=i), text) for i, text in enumerate(["one", "two", "three", "four", "five"])]
HELD_OUT = [(tone(1.1, 333, seed=9), "six"), (tone(0.9, 444, seed=8), "seven")]
CLIP = WatchedClip("clip", tone(1.3, 200, seed=7), "eight", "ate")
VARIED = Augmentation(speed=0.1, gain=6.0, noise=0.5, time_mask=0.3)
BASIC: dict[str, Any] = {"learning_rate": 1e-2, "epochs": 4, "batch_size": 2, "evaluations": 2}
RECIPES = {
    "everything": Recipe(**BASIC, dropout=0.2, layer_drop=0.2, augment=VARIED),
    "frozen": Recipe(**BASIC, trains="last", last_layers=1, average=0.5),
    "adapter": Recipe(**BASIC, adapter="lora", adapter_rank=2, blend=0.5, dropout=0.1),
}


def of(kind: type, happened: list[Event]) -> list:
    return [event for event in happened if isinstance(event, kind)]


def trained(folder: Path, recipe: Recipe, clip: WatchedClip | None, held_out: list) -> tuple[list[Event], Any]:
    model = load_model(str(folder), precision="float32")
    return list(finetune(model, TRAIN, held_out, recipe, seed=5, watched_clip=clip)), model


@pytest.mark.parametrize("family", ["tiny_whisper", "tiny_ctc", "tiny_deepspeech"])
@pytest.mark.parametrize(("how", "held_out"), [("everything", HELD_OUT), ("frozen", []), ("adapter", HELD_OUT)])
def test_the_weights_do_not_depend_on_what_is_watched(
    family: str, how: str, held_out: list, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LEAST_SECONDS", 1e6)  # at every moment
    if how == "adapter" and family == "tiny_deepspeech":
        pytest.skip("it has no attention to adapt")
    folder = request.getfixturevalue(family)
    (seen, model), (unseen, other) = (trained(folder, RECIPES[how], clip, held_out) for clip in (CLIP, None))
    assert len(of(Watched, seen)) == MOMENTS
    assert not of(Watched, unseen)
    ours, theirs = model.network.state_dict(), other.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    for kind, name in ((Stepped, "loss"), (Evaluated, "texts"), (Evaluated, "loss"), (Trained, "best_step")):
        assert [getattr(e, name) for e in of(kind, seen)] == [getattr(e, name) for e in of(kind, unseen)]


def test_moments_are_spread_from_the_base_to_what_is_kept(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LEAST_SECONDS", 1e6)
    happened, model = trained(tiny_ctc, dataclasses.replace(RECIPES["frozen"], epochs=12), CLIP, [])
    seen = of(Watched, happened)
    assert all((event.reference, event.base, event.clip) == ("eight", "ate", "clip") for event in seen)
    assert (seen[0].step, seen[0].text) == (0, "ate")
    gaps = np.diff([event.step for event in seen])
    assert set(gaps) <= {3, 4}
    assert seen[-1].step == 36
    assert seen[-1].text == model.transcribe([CLIP.wave])[0].text
    assert len({event.text for event in seen}) > 2  # it is not the same text again and again
    assert isinstance(happened[-1], Trained)
    assert happened[-1].evaluation_seconds > sum(event.seconds for event in seen[:1])


@pytest.mark.parametrize(
    ("a_step", "a_look", "steps"),
    [(0.3, 0.1, 35), (0.3, 0.09, 12), (0.01, 0.3, 40), (1.0, 0.05, 100), (1.0, 3.0, 400), (0.2, 0.26, 7), (0.3, 0.1, 1)],
)
def test_no_more_time_is_spent_than_allowed(a_step: float, a_look: float, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(watching.time, "perf_counter", lambda: now[0])

    def transcribe(wave: object) -> SimpleNamespace:
        now[0] += a_look
        return SimpleNamespace(text="x")

    watcher = Watcher(SimpleNamespace(transcribing_apart=lambda: transcribe), CLIP, steps)  # type: ignore[arg-type]
    seen = list(watcher.begin())
    for step in range(1, steps + 1):
        now[0] += a_step
        seen += watcher.after_step(step, now[0])
    seen += watcher.end(steps, now[0])
    training = a_step * steps
    allowed = max(LEAST_SECONDS, SHARE * training)
    looks = len(seen) - 1
    assert watcher.seconds == pytest.approx(looks * a_look)
    assert watcher.seconds <= allowed + 1e-9
    assert watcher.seconds <= at_most(training, a_look) + 1e-9
    assert looks == min(MOMENTS - 1, steps, int(allowed / a_look + 1e-9))  # all that are allowed, what is kept among them
    assert seen[-1].step == steps or looks == 1  # the cost is known once it was paid


def test_nothing_is_watched_without_a_clip_or_a_step(tiny_ctc: Path) -> None:
    model = load_model(str(tiny_ctc), precision="float32")
    stopped = finetune(model, TRAIN, [], RECIPES["frozen"], should_stop=lambda: True, watched_clip=CLIP)
    assert [(event.step, event.text) for event in of(Watched, list(stopped))] == [(0, "ate")]


def test_the_cache_of_prefixes_has_nothing_of_it(tiny_ctc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(cache.DiskCache, "write", lambda self, key, content: written.append(key))
    monkeypatch.setattr(cache.DiskCache, "read", lambda self, key: None)
    monkeypatch.setattr(watching, "LEAST_SECONDS", 1e6)
    kept = []
    for clip in (CLIP, None):
        written.clear()
        trained(tiny_ctc, RECIPES["frozen"], clip, HELD_OUT)
        kept.append(list(written))
    assert kept[0] == kept[1] != []
