"""A fine-tune at any moment: what the slider shows while it runs, after it, and of an older version's run."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.clips.labelled_set import Clip, LabelledSet
from core.runs import run_folder
from core.runs.request import Request
from core.runs.run_folder import Run
from core.training.events import Evaluated, Event, Prepared, Stepped
from core.training.recipe import Recipe
from demo.session.session import Session
from demo.steps.adapt.watch import show
from demo.steps.adapt.watch.handlers import WatchHandlers
from demo.wording import Wording
from tests.demo.show.test_markup import HOSTILE, tags

W = Wording("en")
SAID = ("the cat sat", "a dog ran")
HAPPENED: list[Event] = [
    Prepared(1, 0.1, 4, 1, 1, 0.0, 0, SAID),
    Evaluated(0, 0.5, 0.2, 2, "a cat sat", SAID[0], 0.0, 2.0, 0.1, (), ("a cat sat", "a fog ran")),
    Stepped(1, 2.5, 0.0, 1.0, 1.0),
    Stepped(2, 1.5, 0.0, 2.0, 0.0),
    Evaluated(2, 0.1, 0.1, 2, SAID[0], SAID[0], 2.0, 1.0, 0.2, (("head", 0.01),), (SAID[0], "a fog ran")),
]


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path)


def start(session: Session, happened: list[Event], id: str = "one") -> Run:
    clips = (Clip("/a.wav", "one", "", "train"), Clip("/v.wav", SAID[0], "", "validation"))
    run = run_folder.create(session.folder / "runs" / id, Request("m", LabelledSet("s", clips), (), (), Recipe()))
    for event in happened:
        run.append(event)
    session.choose(run=id, queue=id)
    return run


def test_nothing_is_shown_before_the_first_evaluation(session: Session) -> None:
    watching = WatchHandlers(W)
    for happened in ([], HAPPENED[:1]):
        if happened:
            start(session, happened)
        shown = watching.look(session, 0, "")
        assert shown["panel"]["visible"] is False
        assert shown["followed"] == ""
        assert watching.at(session, 3) == {}


def test_the_slider_follows_until_it_is_moved_back(session: Session) -> None:
    watching = WatchHandlers(W)
    run = start(session, HAPPENED[:2])
    shown = watching.look(session, 0, "")
    assert shown["panel"]["visible"] is True
    assert (shown["moment"]["value"], shown["moment"]["interactive"]) == (0, False)
    assert "The base, before the first step" in shown["about"]
    heard = shown["transcripts"]
    assert heard.count("<dl") == 2
    assert "a fog ran" not in heard  # its words are marked, one by one
    assert "after step" not in heard
    assert shown["drift"] == ""
    for event in HAPPENED[2:]:
        run.append(event)
    shown = watching.look(session, 0, shown["followed"])
    slider, heard, newest = shown["moment"], shown["transcripts"], shown["followed"]
    assert (slider["value"], slider["maximum"], slider["interactive"]) == (1, 1, True)
    assert "After step 2" in shown["about"]
    assert "10\u00a0%" in shown["about"]
    assert heard.count("after step 2") == 2
    assert 'class="word fixed"' in heard
    assert "output layer" in shown["drift"]
    assert shown["charts"].count("<figure") == 2
    back = watching.look(session, 0, newest)  # someone moved it back, and nothing is new
    assert "moment" not in back
    assert "The base" in back["about"]
    run.append(Evaluated(4, 0.0, 0.0, 2, SAID[0], SAID[0], 4.0, 1.0, 0.2, (), SAID))
    later = watching.look(session, 0, newest)
    assert (later["moment"]["value"], later["moment"]["maximum"]) == (0, 2)
    start(session, HAPPENED[:2], "two")
    assert watching.look(session, 0, later["followed"])["moment"]["value"] == 0


def test_any_moment_can_be_asked_for(session: Session) -> None:
    start(session, HAPPENED)
    watching = WatchHandlers(W)
    assert "The base" in watching.at(session, 0)["about"]
    assert "After step 2" in watching.at(session, 1)["about"]
    assert "After step 2" in watching.at(session, 99)["about"]


def test_the_marker_stands_at_the_moment() -> None:
    first, last = (show.charts(HAPPENED, step, W) for step in (0, 2))
    assert first != last
    assert first.count('class="marked"') == last.count('class="marked"') == 2
    assert "general speech" in first


def test_a_run_of_an_older_version_shows_its_one_clip() -> None:
    old: list[Event] = [
        Prepared(1, 0.1, 4, 1, 1, 0.0),
        Evaluated(0, 0.5, 0.2, 2, "a cat sat", SAID[0], 0.0),
        Evaluated(2, 0.1, 0.1, 2, SAID[0], SAID[0], 2.0),
    ]
    shown = show.transcripts(old, show.evaluations(old)[-1], "en", W)
    assert shown.count("<dl") == 1
    assert SAID[0] in shown
    assert "<svg" in show.charts(old, 2, W)


def test_hostile_texts_stay_texts() -> None:
    happened: list[Event] = [
        Prepared(1, 0.1, 4, 1, 1, 0.0, 0, (HOSTILE,)),
        Evaluated(0, 1.0, 1.0, 1, HOSTILE, HOSTILE, 0.0, 1.0, None, (), (HOSTILE,)),
        Evaluated(1, 1.0, 1.0, 1, HOSTILE, HOSTILE, 0.0, 1.0, None, (), (f"{HOSTILE} {HOSTILE}",)),
    ]
    shown = show.transcripts(happened, show.evaluations(happened)[-1], "en", W)
    assert not tags(shown) & {"img", "script"}
    assert "${" not in shown
    assert "{{" not in shown
