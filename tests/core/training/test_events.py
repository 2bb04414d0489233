"""Events on their way to disk and back."""

from __future__ import annotations

import dataclasses
import json
import math
import typing

import pytest

from core.training import events
from core.training.events import (
    Advanced,
    Entered,
    Evaluated,
    Event,
    Failed,
    Finished,
    Noticed,
    Prepared,
    Stepped,
    Trained,
    Watched,
)

EXAMPLES: list[Event] = [
    Noticed("characters_dropped", "3 characters were dropped.", {"characters": "äöü", "count": 3}),
    Prepared(36, 2.5, 180, 1_000, 40_000_000, 3.25),
    Stepped(1, 2.5, 0.0, 0.5, 90.0),
    Evaluated(0, 0.25, 0.125, 6, "größe", "Größe 好", 1.5),
    Evaluated(5, None, None, 0, "", "", 2.5),
    Evaluated(6, 0.5, 0.25, 2, "a", "a", 3.0, 1.5, 0.1, (("head", 0.5),), ("a", "größe 好")),
    Prepared(36, 2.5, 180, 1_000, 40_000_000, 3.25, 3, ("said", "Größe")),
    Watched(12, "größe 好", "Größe 好", "grose", "id", 2.0),
    Advanced(2.5, 8, 12.0),
    Trained(180, 90, True, 0.001, 60.5, 9.5),
    Entered("loading"),
    Entered("base", 40),
    Finished(75.0),
    Failed("unexpected", "It went wrong.", {}),
]


def name(event: Event) -> str:
    return type(event).__name__.lower()


def test_the_examples_show_every_kind() -> None:
    assert {type(event) for event in EXAMPLES} == set(typing.get_args(Event))


@pytest.mark.parametrize("event", EXAMPLES, ids=name)
def test_an_event_survives_json(event: Event) -> None:
    fields = json.loads(json.dumps(events.to_json(event), allow_nan=False))
    assert fields["event"] == name(event)
    assert events.from_json(fields) == event


def test_a_loss_that_is_no_number_survives_too() -> None:
    back = events.from_json(json.loads(json.dumps(events.to_json(Stepped(1, math.nan, math.inf, 0.5, 1.0)))))
    assert isinstance(back, Stepped)
    assert math.isnan(back.loss)
    assert back.penalty == math.inf


@pytest.mark.parametrize("event", EXAMPLES, ids=name)
def test_fields_of_a_later_version_are_left(event: Event) -> None:
    assert events.from_json({**events.to_json(event), "of_a_later_version": 1}) == event


@pytest.mark.parametrize("event", [Prepared(36, 2.5, 180, 1_000, 2_000, 3.25), Evaluated(0, 0.25, 0.125, 6, "a", "b", 1.5)])
def test_an_earlier_version_lacked_some_fields(event: Event) -> None:
    fields = events.to_json(event)
    for added in ("replayed", "held_out", "texts", "drift", "loss", "canary_wer"):
        fields.pop(added, None)
    assert events.from_json(fields) == event


@pytest.mark.parametrize("fields", [{"event": "celebrated", "loudly": True}, {"event": ""}, {"event": "Stepped"}, {}])
def test_an_unknown_kind_is_no_event(fields: dict[str, object]) -> None:
    assert events.from_json(fields) is None


@pytest.mark.parametrize("event", EXAMPLES, ids=name)
def test_an_event_cannot_be_changed(event: Event) -> None:
    field = dataclasses.fields(event)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, field, None)
