"""A sentence's words agree with the numbers in it."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from core.runs.report import words
from core.text.phrases import phrase
from demo.wording import LANGUAGES

NEVER_ONE = ("limit", "needed", "least", "share", "sizes", "id", "folder")  # a bound, a part of one, a list, a name
NOUNS = (
    "clips|rows|sentences|speakers|words|characters|runs|recordings|steps|pieces|models|transcripts|sounds|passes|conditions|"
    "fine-tunes|layers|letters|sets|times|errors|rates|evaluations|texts"
)
PLURAL = re.compile(rf"\b1 (?:[a-z-]+ )?(?:{NOUNS})\b|\b1 (?:[a-z-]+ ){{1,2}}(?:are|have|were|hold|need|share|fit|name)\b")


@pytest.mark.parametrize(("count", "said"), [(1, "1 clip is here"), (0, "0 clips are here"), (2, "2 clips are here")])
def test_a_phrase_chooses_by_its_number(count: int, said: str) -> None:
    assert phrase("{count} {count:clip is|clips are} here", count=count) == said
    assert phrase("{count} {count:clip is|clips are} here", count=str(count)) == said


def test_a_phrase_formats_as_usual_and_misses_what_is_not_given() -> None:
    assert phrase("{share:.1f} % of {name!r}, {{so}}", share=1 / 3, name="x", more=1) == "0.3 % of 'x', {so}"
    with pytest.raises(KeyError, match="clips"):
        phrase("{clips:clip|clips}")


@pytest.mark.parametrize("texts", [LANGUAGES["en"], words.ENGLISH], ids=["page", "report"])
def test_one_of_anything_is_no_plural(texts: dict[str, str]) -> None:
    assert sum("|" in text for text in texts.values()) > 15
    for key, text in texts.items():
        names = {name for _, name, _, _ in Formatter().parse(text) if name}
        said = phrase(text, **{name: 2 if name in NEVER_ONE else 1 for name in names})
        assert not PLURAL.search(said), (key, said)


@pytest.mark.parametrize("texts", [LANGUAGES["zh-CN"], words.LANGUAGES["zh-CN"]], ids=["page", "report"])
def test_chinese_knows_no_plural(texts: dict[str, str]) -> None:
    assert not [key for key, text in texts.items() if any("|" in (spec or "") for _, _, spec, _ in Formatter().parse(text))]
