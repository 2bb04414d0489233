"""What someone who waits is told: place, time, and nothing of the others."""

from __future__ import annotations

import pytest

from demo.show.numbers import ordinal
from demo.show.waiting import NOBODY, Ahead, before, waiting
from demo.wording import Wording

W, CHINESE = Wording("en"), Wording("zh-CN")


@pytest.mark.parametrize(
    ("n", "said"),
    [(1, "1st"), (2, "2nd"), (3, "3rd"), (4, "4th"), (11, "11th"), (12, "12th"), (13, "13th"), (21, "21st"), (112, "112th")],
)
def test_places_are_written_as_spoken(n: int, said: str) -> None:
    assert ordinal(n, W) == said
    assert ordinal(n, CHINESE) == f"第 {n} 位"


def test_nobody_waits_for_nobody() -> None:
    for w in (W, CHINESE):
        assert waiting(NOBODY, w) == w("queue.starting")
        assert before(NOBODY, w) == ""
    assert "queue" not in waiting(NOBODY, W)


def test_place_and_time_where_the_time_is_known() -> None:
    assert waiting(Ahead(2, 118.0), W) == "3rd in the queue: starts by itself in about 2.0 min."
    assert waiting(Ahead(1, 40.2), W) == "2nd in the queue: starts by itself in about 40 s."
    assert waiting(Ahead(1, None), W).startswith("2nd in the queue.")
    assert before(Ahead(1, 118.0), W) == "1 job is ahead of you: about 2.0 min."
    assert before(Ahead(3, None), W) == "3 jobs are ahead of you."
    assert "第 3 位" in waiting(Ahead(2, 118.0), CHINESE)
