"""The table of own words in step 5."""

from __future__ import annotations

import pytest

from core.evaluation.term_counts import TermCount
from demo.steps.compare.words.show import table
from demo.wording import LANGUAGES, Wording

HOSTILE = "<img src=x onerror=alert(1)>"


def test_each_word_has_a_row_with_both_counts() -> None:
    shown = table([TermCount("Siobhan", 4, 0, 3, ("shavon", ""), ("shaun",)), TermCount("Unsaid", 0, 0, 0)], Wording("en"))
    assert "0 of 4 times" in shown
    assert "3 of 4 times" in shown
    assert "shavon, (nothing)" in shown
    assert shown.count('class="done"') == 3
    assert "Unsaid" not in shown
    assert "never got 1 of these words right" in shown


def test_words_that_the_base_knows_are_said_to_be_known() -> None:
    assert "right at least once" in table([TermCount("Nguyen", 4, 2, 4)], Wording("en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_typed_and_written_is_text(language: str) -> None:
    shown = table([TermCount(HOSTILE, 1, 0, 0, (HOSTILE,), (HOSTILE,))], Wording(language))
    assert "<img" not in shown
    assert shown.count("&lt;img") == 3


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_words_there_is_no_table(language: str) -> None:
    assert table([], Wording(language)) == table([TermCount("Unsaid", 0, 0, 0)], Wording(language)) == ""
