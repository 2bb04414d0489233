"""An exam and lessons: how many sentences each gets, what stays in a plan, and the count of a model's errors."""

from __future__ import annotations

import pytest

from core.data.clips.exam import Prompt, exam_size, examine, in_order, key, planned, replanned

MANY = [f"this is sentence {word}" for word in "bcdfghjklmnpqrstvwxz"] + [
    f"look at the {word}" for word in "bcdfghjklmnpqrstvwxz"
]


@pytest.mark.parametrize(
    ("sentences", "exam"), [(1, 0), (2, 1), (5, 2), (15, 7), (16, 8), (20, 8), (23, 9), (25, 10), (1000, 10)]
)
def test_an_exam_has_eight_sentences_or_half_of_few(sentences: int, exam: int) -> None:
    assert exam_size(sentences) == exam


def test_a_plan_has_the_exam_first_and_no_sentence_twice() -> None:
    plan = planned(MANY, "en", {})
    assert [one.part for one in plan] == ["test"] * 10 + ["train"] * 15
    assert len({key(one.text, "en") for one in plan}) == 25
    assert plan == planned(MANY, "en", {})


def test_sentences_read_before_are_left_out_or_keep_their_part() -> None:
    parts = {key(MANY[0], "en"): "train", key(MANY[1], "en"): "test"}
    assert not {one.text for one in planned(MANY, "en", parts)} & set(MANY[:2])
    whole = planned([MANY[0].upper(), *MANY[1:]], "en", parts, lessons=None)
    assert len(whole) == len(MANY)
    found = {one.text: one.part for one in whole}
    assert (found[MANY[0].upper()], found[MANY[1]]) == ("train", "test")


def test_what_was_read_stays_when_the_rest_is_chosen() -> None:
    plan = planned(MANY, "en", {})
    fixed = [one.text for one in plan[:5]]
    heard = [(text, text.replace("look", "book")) for text in fixed]
    again = replanned(plan, fixed, heard, MANY, "en", {}, (10, 15))
    assert again[:5] == plan[:5]
    assert [one.part for one in again] == ["test"] * 10 + ["train"] * 15
    assert len({one.text for one in again}) == 25
    few = replanned(plan, fixed, heard, MANY[:20], "en", {}, (10, 15))  # fewer are left: both parts get their share
    assert {one.part for one in few[5:]} == {"test", "train"}


def test_the_exam_is_put_first() -> None:
    assert [one.text for one in in_order([Prompt("a", "train"), Prompt("b", "test"), Prompt("c", "test")])] == ["b", "c", "a"]


def test_errors_are_counted_sentence_by_sentence() -> None:
    exam = examine({"a red bus": "a red bus", "two green coats": "too green goats"}, 10, 1, "en")
    assert exam.errors == {"a red bus": 0, "two green coats": 2}
    assert (exam.words, exam.unit, exam.planned, exam.retired) == (6, "words", 10, 1)
    assert examine({"今天下雨": "今天下雪"}, 10, 0, "zh").unit == "characters"
    assert examine({"今天下雨": "今天下雪"}, 10, 0, "zh").errors == {"今天下雨": 1}
    assert examine({}, 10, 0, "en").words == 0


def test_an_exam_is_faultless_only_after_enough_sentences() -> None:
    right = {f"word {letter}": f"word {letter}" for letter in "bcdfgh"}
    assert examine(right, 10, 0, "en").is_faultless
    assert not examine(dict([*right.items()][:5]), 10, 0, "en").is_faultless
    assert not examine({**right, "one more": "one less"}, 10, 0, "en").is_faultless
