"""What counts as a word of one's own, and finding it in a sentence."""

from __future__ import annotations

import pytest

from core.errors import DatasetError
from core.text.terms import MAX_CHARACTERS, MAX_TERMS, check_terms, has_term, places, split_terms


def test_terms_are_typed_with_commas_or_line_breaks_between_them() -> None:
    typed = " Siobhan,Kubernetes;\n\nLindqvist  Road、王小明，"
    assert split_terms(typed) == ["Siobhan", "Kubernetes", "Lindqvist Road", "王小明"]


def test_the_same_word_is_kept_once_as_it_was_typed_first() -> None:
    assert check_terms(["Siobhan", "SIOBHAN!", "Lindqvist Road", "lindqvist road"], "en") == ("Siobhan", "Lindqvist Road")
    assert check_terms(["王小明", "王 小明"], "zh") == ("王小明",)


@pytest.mark.parametrize("term", ["", "...", "66", "[noise]", "um", "x" * (MAX_CHARACTERS + 1), "\x00\u202e"])
def test_what_has_no_letters_or_too_many_is_refused(term: str) -> None:
    with pytest.raises(DatasetError, match="cannot be used as a word") as raised:
        check_terms(["Siobhan", term], "en")
    assert raised.value.reason == "term_unusable"


def test_a_word_of_the_greatest_length_is_taken() -> None:
    assert check_terms(["x" * MAX_CHARACTERS], "en") == ("x" * MAX_CHARACTERS,)


def test_there_is_at_least_one_and_at_most_a_few() -> None:
    names = [f"Name{chr(ord('a') + i)}" for i in range(MAX_TERMS + 1)]
    assert len(check_terms(names[:-1] + names[:1], "en")) == MAX_TERMS
    with pytest.raises(DatasetError, match="9 words; the limit is 8"):
        check_terms(names, "en")
    with pytest.raises(DatasetError, match="Type the words first"):
        check_terms([], "en")


def test_places_do_not_overlap() -> None:
    assert places(["a", "b", "a", "b", "a"], ["a", "b", "a"]) == [0]
    assert places(["a", "b", "a", "b", "a", "b"], ["a", "b"]) == [0, 2, 4]
    assert places(["a"], ["a", "b"]) == []


@pytest.mark.parametrize(
    ("sentence", "term", "language", "expected"),
    [
        ("Siobhan's dog barked.", "Siobhan", "en", True),
        ("SIOBHAN, come in", "Siobhan", "en", True),
        ("Siobhana came in", "Siobhan", "en", False),
        ("We met on Lindqvist Road.", "Lindqvist Road", "en", True),
        ("Lindqvist lives on the road.", "Lindqvist Road", "en", False),
        ("我们都在等王小明。", "王小明", "zh", True),
        ("我们都在等王明。", "王小明", "zh", False),
        ("听说Kubernetes的新版本出来了。", "kubernetes", "zh", True),
    ],
)
def test_a_term_is_found_whatever_is_around_it(sentence: str, term: str, language: str, expected: bool) -> None:
    assert has_term(sentence, term, language) is expected
