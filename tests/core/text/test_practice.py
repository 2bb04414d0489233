"""The sentences to read next are those with what a model got wrong, shared out evenly between an exam and lessons."""

from __future__ import annotations

import pytest

from core.text.practice import choose_sentences, deal

PLAIN = ["a big red bus", "two green apples", "my old brown coat", "look at me"]


def test_sentences_with_the_words_that_failed_come_first() -> None:
    candidates = [*PLAIN, "the kettle is old", "a kettle and a bus"]
    heard = [("my kettle is big", "my cattle is big"), ("a red bus", "a red bus")]
    assert set(choose_sentences(heard, candidates, 2)) == {"the kettle is old", "a kettle and a bus"}


def test_a_sound_that_failed_is_found_in_other_words() -> None:
    heard = [("think of three things", "sink of tree sings"), ("a big red bus stops", "a big red bus stops")]
    assert choose_sentences(heard, [*PLAIN, "both moths bathe"], 1) == ["both moths bathe"]


def test_of_a_wrong_word_only_the_wrong_sound_counts() -> None:
    heard = [("thin", "sin"), ("bad dog", "bad dog")]
    assert choose_sentences(heard, ["in an inn", "the thaw"], 1) == ["the thaw"]


def test_an_initial_that_failed_is_found_in_other_characters() -> None:
    heard = [("吃茶", "刺茶"), ("我来了", "我来了")]
    assert choose_sentences(heard, ["我来了", "今天很好", "船长出差"], 1, "zh") == ["船长出差"]


def test_each_choice_makes_room_for_another_failure() -> None:
    heard = [("the vine and the zebra", "the wine and the cobra"), ("look at me", "look at me")]
    chosen = choose_sentences(heard, ["one vine", "my vine", "our vine", "my zebra"], 2)
    assert {text.split()[1] for text in chosen} == {"vine", "zebra"}


@pytest.mark.parametrize("heard", [[], [("a big red bus", "a big red bus")], [("", "noise")]])
def test_without_errors_the_order_of_the_candidates_stays(heard: list[tuple[str, str]]) -> None:
    assert choose_sentences(heard, PLAIN, 3) == PLAIN[:3]
    assert choose_sentences(heard, PLAIN, 99) == PLAIN
    assert choose_sentences(heard, [], 5) == []


@pytest.mark.parametrize(("count", "exam"), [(25, 10), (21, 6), (5, 2), (3, 3), (4, 0)])
def test_exam_and_lessons_are_equally_hard(count: int, exam: int) -> None:
    sentences = [f"sentence {number}" for number in range(count)]
    tested, taught = deal(sentences, exam)
    assert len(tested) == exam
    assert sorted(tested + taught) == sorted(sentences)
    assert deal(sentences, exam) == (tested, taught)
    for block, text in enumerate(tested):  # one of each block of neighbours
        assert round(block * count / exam) <= sentences.index(text) < round((block + 1) * count / exam)
