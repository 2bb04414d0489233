"""The clip that is watched while a model learns: what it says at each moment, and that it is escaped."""

from __future__ import annotations

import pytest

from core.training.events import Event, Prepared, Stepped, Trained, Watched
from demo.show.live import live_pair
from demo.wording import Wording
from tests.demo.show.test_markup import HOSTILE, tags

W = Wording("en")
PREPARED = Prepared(1, 0.1, 8, 1, 1, 0.0)
BEFORE = Watched(0, "a cat sad", "the cat sat", "a cat sad", "id", 0.0)
AFTER = Watched(2, "the cat sad", "the cat sat", "a cat sad", "id", 1.0)
KEPT = Watched(8, "the cat sat", "the cat sat", "a cat sad", "id", 4.0)
TRAINED = Trained(8, 8, False, 0.1, 3.0, 1.0)


@pytest.mark.parametrize("happened", [[], [PREPARED], [PREPARED, Stepped(1, 2.5, 0.0, 1.0, 1.0)], [PREPARED, TRAINED]])
def test_nothing_is_shown_before_anything_was_watched(happened: list[Event]) -> None:
    assert live_pair(happened, "en", W) == ""


@pytest.mark.parametrize(
    ("happened", "fixed", "said"),
    [
        ([PREPARED, BEFORE], 0, ("Base", "Now", "Before the first step of 8.", 'data-share="0.000"')),
        ([PREPARED, BEFORE, AFTER], 1, ("Now", "After step 2 of 8 (25 %).", 'data-step="2"', 'data-share="0.250"')),
        ([PREPARED, BEFORE, AFTER, Stepped(3, 1.0, 0.0, 1.0, 1.0)], 1, ("Now", "After step 2 of 8 (25 %).")),
        ([PREPARED, BEFORE, AFTER, Stepped(8, 1.0, 0.0, 1.0, 1.0), TRAINED], 1, ("Now", "After step 2 of 8 (25 %).")),
        ([PREPARED, BEFORE, AFTER, KEPT, TRAINED], 2, ("Adapted", "After step 8 of 8: this is what the adapted model writes.")),
    ],
)
def test_the_right_side_is_the_latest_moment(happened: list[Event], fixed: int, said: tuple[str, ...]) -> None:
    shown = live_pair(happened, "en", W)
    assert shown.count('class="word fixed"') == fixed
    assert all(part in shown for part in said), shown
    assert shown.index("side base") < shown.index("the cat sat") < shown.index("side adapted")
    assert "status" not in shown  # it is refreshed every second, so it is not announced


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_transcripts_are_escaped(language: str) -> None:
    hostile = Watched(1, HOSTILE, HOSTILE, f"{HOSTILE} {HOSTILE}", HOSTILE, 1.0)
    shown = live_pair([PREPARED, hostile], "en", Wording(language))
    assert set(tags(shown)) <= {"article", "div", "h4", "p", "span"}
    assert "${" not in shown
    assert "{{" not in shown
