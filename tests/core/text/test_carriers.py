"""Sentences around one's own words, on templates made for the test and on those of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.text.carriers import KINDS, MIN_TIMES, SLOT, Carriers, Faulty, find_faults, write_carriers
from core.text.scoring import normalise
from core.text.terms import MAX_TERMS, has_term

FOLDER = Path(__file__).parents[3] / "demo" / "wording" / "carriers"
NAMES = ["Siobhan", "Kubernetes", "Lindqvist Road", "Caoimhe", "Wojcik", "Reykjavik", "Okafor", "Nguyen"]


def templates(language: str) -> dict[str, tuple[str, ...]]:
    return {kind: tuple((FOLDER / f"{language}_{kind}.txt").read_text(encoding="utf-8").splitlines()) for kind in KINDS}


def skeleton(sentence: str, words: list[str]) -> str:
    word = next(word for word in sorted(words, key=len, reverse=True) if word in sentence)
    return sentence.replace(word, SLOT)


MIXES = [
    {"person": NAMES[:1]},
    {"person": NAMES[:2]},
    {"person": ["Siobhan"], "product": ["Kubernetes"], "place": ["Lindqvist Road"]},
    {"term": NAMES},
    {"person": NAMES[:3], "place": NAMES[3:5], "product": [], "term": NAMES[5:]},
]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("words", MIXES)
def test_exam_and_lessons_share_no_sentence_and_no_template(words: dict[str, list[str]], language: str) -> None:
    flat = [word for several in words.values() for word in several]
    made = write_carriers(words, templates(language))
    sides = [{skeleton(sentence, flat) for sentence in side} for side in (made.exam, made.lessons)]
    assert not sides[0] & sides[1]
    assert not {normalise(s, language) for s in made.exam} & {normalise(s, language) for s in made.lessons}
    assert not find_faults(made.exam, made.lessons, flat, language)


@pytest.mark.parametrize("words", MIXES)
def test_every_word_is_as_often_on_either_side(words: dict[str, list[str]]) -> None:
    flat = [word for several in words.values() for word in several]
    made = write_carriers(words, templates("en"))
    counts = {sum(has_term(s, word, "en") for s in side) for side in (made.exam, made.lessons) for word in flat}
    assert len(counts) == 1
    assert counts.pop() >= MIN_TIMES
    assert len(made.exam) == len(made.lessons)


def test_three_words_make_about_ten_sentences_a_side_and_take_turns() -> None:
    made = write_carriers({"person": NAMES[:3]}, templates("en"))
    assert len(made.exam) == 12
    assert [next(n for n in NAMES[:3] if n in s) for s in made.exam[:6]] == NAMES[:3] * 2


def test_the_same_words_make_the_same_sentences() -> None:
    assert write_carriers(MIXES[4], templates("en")) == write_carriers(MIXES[4], templates("en"))


def test_a_word_is_only_ever_text() -> None:
    hostile = ["{word}", "{0.__class__}", "<script>alert(1)</script>", "%s\\1"]
    made = write_carriers({"person": hostile}, {"person": [f"Say {SLOT} {i}." for i in "abcdef"]})
    assert made.exam[:4] == ("Say {word} a.", "Say {0.__class__} a.", "Say <script>alert(1)</script> a.", "Say %s\\1 a.")


def test_no_words_make_no_sentences() -> None:
    assert write_carriers({}, templates("en")) == Carriers((), ())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_pages_templates_are_varied(language: str, kind: str) -> None:
    lines = templates(language)[kind]
    assert len(lines) >= max(12, 2 * MAX_TERMS)
    assert len({normalise(line.replace(SLOT, "Siobhan"), language) for line in lines}) == len(lines)
    for side in (lines[::2], lines[1::2]):
        places = [line.index(SLOT) / len(line) for line in side]
        assert all(line.count(SLOT) == 1 for line in side)
        assert min(places) == 0  # first,
        assert any(line.rstrip(".?。？！").endswith(SLOT) for line in side)  # last
        assert any(place > 0 and not line.rstrip(".?。？").endswith(SLOT) for place, line in zip(places, side, strict=True))


def test_faults_of_edited_sentences_name_their_side_and_line() -> None:
    exam = ["We wait for Siobhan.", "Nobody is here.", "...", "Call Siobhan now."]
    lessons = ["call siobhan, now!", "Ask Siobhan.", "Ask Siobhan?"]
    assert find_faults(exam, lessons, ["Siobhan"], "en") == [
        Faulty("exam", 2, "Nobody is here.", "no_word"),
        Faulty("exam", 3, "...", "empty"),
        Faulty("exam", 4, "Call Siobhan now.", "both_sides"),
        Faulty("lessons", 1, "call siobhan, now!", "both_sides"),
        Faulty("lessons", 3, "Ask Siobhan?", "twice"),
    ]
