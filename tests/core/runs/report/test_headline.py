"""The result in a few sentences: counts, words, cost, certainty, and what to record next."""

from __future__ import annotations

import dataclasses

import pytest

from core.data.clips.labelled_set import Clip
from core.data.names import OWN
from core.evaluation.compare import Comparison, Figures, compare
from core.runs.report.headline import MOST_WORDS, Headline, headline
from core.runs.report.words import LANGUAGES
from core.runs.result import Result
from core.text.phrases import phrase
from core.training.recipe import Recipe

COLOURS = ("red", "green", "blue", "grey", "pink", "brown", "black", "white", "gold", "silver", "amber", "teal")
SAID = [f"the {colour} house stands here" for colour in COLOURS]
WRONG = [text.replace("house", "mouse") for text in SAID]
NONE = Result("base", "ctc", "mine", False, 30, 6, 0, Recipe(), "/runs/1", steps=10, best_step=10)


def compared(
    base: list[str], adapted: list[str], said: list[str] = SAID, language: str = "en", speaker: str = ""
) -> Comparison:
    clips = [Clip(f"/{i}.flac", text, f"{speaker}{i}" if speaker else "") for i, text in enumerate(said)]
    return compare(clips, base, adapted, language)


def told(test: Comparison, result: Result = NONE, language: str = "en") -> Headline:
    return headline(result, test, lambda key, **fields: phrase(LANGUAGES[language][key], **fields))


def general(base: list[str], adapted: list[str]) -> Result:
    return dataclasses.replace(NONE, canary=compared(base, adapted).figures)


def test_a_gain_is_counted_named_and_settled() -> None:
    found = told(compared(WRONG, SAID))
    assert found.kind == "good"
    assert found.errors == "Errors in the 12 test sentences: 12 → 0"
    assert found.fixed == "Fixed: house."
    assert found.broken == ""
    assert "Chance does not explain this: the word error rate fell by 20 points" in found.sure
    assert "settled, with no errors left" in found.next
    assert [name for name, _ in found.facts()] == ["fixed", "cost", "sure", "next"]


def test_own_clips_are_tested_by_an_exam() -> None:
    own = dataclasses.replace(NONE, set=OWN)
    assert told(compared(WRONG, SAID), own).errors == "Errors in your 12 exam sentences: 12 → 0"
    assert "makes no errors in your 12 exam sentences" in told(compared(SAID, SAID), own).errors
    little = [WRONG[0], *SAID[1:]]
    assert "more exam sentences would settle it" in told(compared(little, SAID), own).next
    assert "测验句" in told(compared(WRONG, SAID), own, "zh-CN").errors


def test_what_is_left_takes_as_many_training_sentences_again() -> None:
    found = told(compared(WRONG, [WRONG[0], *SAID[1:]]))
    assert found.errors.endswith("12 → 1")
    assert "To fix the 1 error left, record about 24 more training sentences" in found.next  # 30 clips, 6 of them replayed


def test_bad_news_comes_first() -> None:
    found = told(compared(SAID, WRONG))
    assert found.kind == "bad"
    assert found.errors == "It got worse. Errors in the 12 test sentences: 0 → 12"
    assert found.broken == "Broken: house."
    assert "rose by 20 points" in found.sure
    assert found.next.startswith("Next: keep using the base for now.")
    chance = told(compared(SAID, [WRONG[0], *SAID[1:]]))
    assert chance.kind == "bad"
    assert chance.errors.startswith("It got worse.")
    assert "may be chance" in chance.sure


def test_no_errors_before_and_after_is_nothing_to_gain() -> None:
    for language in LANGUAGES:
        found = told(compared(SAID, SAID), language=language)
        assert "0" not in found.errors.replace("12", "")
        assert found.sure == ""
    english = told(compared(SAID, SAID))
    assert english.errors == "The base makes no errors in the 12 test sentences, so there was nothing to gain."
    assert english.next == "Next: try harder sentences, your own names and terms, noise, or another language."


def test_the_number_to_record_next_is_that_of_the_comparison() -> None:
    few = compared(WRONG[:3], SAID[:3], SAID[:3])
    assert few.clips_needed == 5
    assert "a verdict needs at least 8 different test sentences, and there are 3" in told(few).sure
    assert "about 5 more test sentences would settle it" in told(few).next
    unclear = compared([*WRONG[:3], *SAID[3:]], SAID)
    assert unclear.verdict == "unclear"
    assert f"about {unclear.clips_needed} more test sentence" in told(unclear).next
    assert "may be chance" in told(unclear).sure
    same = compared(WRONG, WRONG)
    assert told(same).errors == "No change. Errors in the 12 test sentences: 12 → 12"
    assert "would hardly settle it" in told(same).next
    people = compared([*WRONG[:3], *SAID[3:]], SAID, speaker="p")
    assert people.difference.unit == "speakers"
    assert f"test sentences of about {people.clips_needed} more speakers" in told(people).next


def test_a_kept_base_asks_for_more_to_learn_from() -> None:
    found = told(compared(WRONG, WRONG), dataclasses.replace(NONE, best_step=0))
    assert found.next.startswith("Next: record about 24 more training sentences")


@pytest.mark.parametrize(
    ("result", "cost"),
    [
        (NONE, "General English was not measured"),
        (general(SAID, SAID), "unchanged; no errors in 12 clips, before or after"),
        (general(SAID, WRONG), "word errors rose from 0.0 % to 20 %"),
        (general(WRONG, SAID), "improved too: word errors fell from 20 % to 0.0 %"),
        (general(WRONG, WRONG), "any change may be chance; word errors 20 % before, 20 % after"),
    ],
)
def test_the_cost_is_that_of_general_english(result: Result, cost: str) -> None:
    assert cost in told(compared(WRONG, SAID), result).cost


def test_many_words_are_counted_and_characters_joined() -> None:
    found = told(compared([text.replace(colour, "x") for text, colour in zip(SAID, COLOURS, strict=True)], SAID))
    assert found.fixed.count(",") == MOST_WORDS - 1
    assert found.fixed.endswith(f" and {len(COLOURS) - MOST_WORDS} more.")
    said = [f"今天{number}点下雨" for number in "一二三四五六七八九"]
    chinese = told(compared([text.replace("下雨", "下语").replace("今天", "金田") for text in said], said, said, "zh"))
    assert chinese.fixed == "Fixed: 今天, 雨."
    assert "character error rate" in chinese.sure


def test_every_sentence_is_in_both_languages() -> None:
    tests = [compared(WRONG, SAID), compared(SAID, WRONG), compared(WRONG[:3], SAID[:3], SAID[:3]), compared(WRONG, WRONG)]
    for test in tests:
        names = [[name for name, _ in told(test, language=language).facts()] for language in LANGUAGES]
        assert names[0] == names[1]
    assert isinstance(general(SAID, SAID).canary, Figures)
