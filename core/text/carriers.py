"""Sentences around a person's own words, from templates: half of them for the exam, half for the lessons."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.text.scoring import normalise
from core.text.terms import terms_in

KINDS = ("person", "place", "product", "term")
SLOT = "{word}"
SENTENCES = 10  # to aim for on each side, about a minute of reading
MIN_TIMES = 3  # sentences of a word on each side, however many words there are

Fault = Literal["empty", "no_word", "twice", "both_sides", "read"]


@dataclass(frozen=True)
class Carriers:
    """Sentences to read.

    Attributes:
        exam: sentences that test the model and that it never learns from.
        lessons: other sentences, that it learns from.
    """

    exam: tuple[str, ...]
    lessons: tuple[str, ...]


@dataclass(frozen=True)
class Faulty:
    """A sentence that cannot be read as it is.

    Attributes:
        side: "exam" or "lessons".
        line: its number on that side, from 1.
        sentence: as typed.
        fault: "empty" no words are left in it, "no_word" it has none of the person's words, "twice" it is on its side
            already, "both_sides" it is on the other side too, so that the exam would test what was learned by heart, "read"
            it belongs to the other side of a list that the person reads, which is found out elsewhere.
    """

    side: Literal["exam", "lessons"]
    line: int
    sentence: str
    fault: Fault


def write_carriers(words: Mapping[str, Sequence[str]], templates: Mapping[str, Sequence[str]]) -> Carriers:
    """Writes the sentences, always the same for the same words.

    The first, third, fifth template of a kind is for the exam, the others for the lessons: none is on both sides, so the exam
    never has a sentence that was learned with another word in it. Each word is as often on either side, at least
    `MIN_TIMES`, and the words take turns.

    Args:
        words: for each of `KINDS` the words of that kind, without duplicates; a kind may be missing.
        templates: for each kind, sentences with `SLOT` where the word goes, at least `2 * MIN_TIMES` of them.

    Returns:
        The sentences; no word is with the same template twice.
    """
    number = sum(map(len, words.values()))
    sides: list[tuple[str, ...]] = []
    for side in range(2):
        columns = []  # for each word its sentences
        for kind, several in words.items():
            pool = templates[kind][side::2]
            times = min(len(pool), max(MIN_TIMES, math.ceil(SENTENCES / number)))
            for place, word in enumerate(several):
                chosen = (pool[(place * times + turn) % len(pool)] for turn in range(times))
                columns.append([template.replace(SLOT, word) for template in chosen])
        turns = max(map(len, columns), default=0)
        sides.append(tuple(column[turn] for turn in range(turns) for column in columns if turn < len(column)))
    return Carriers(*sides)


def find_faults(exam: Sequence[str], lessons: Sequence[str], terms: Sequence[str], language: str) -> list[Faulty]:
    """Finds the sentences that cannot stay as a person edited them.

    Args:
        exam, lessons: the sentences of each side.
        terms: the person's words.
        language: ISO 639-1 code; sentences that scoring does not tell apart count as the same.
    """
    normal = {side: [normalise(text, language) for text in texts] for side, texts in (("exam", exam), ("lessons", lessons))}
    faults = []
    for side, other, texts in (("exam", "lessons", exam), ("lessons", "exam", lessons)):
        earlier: Counter[str] = Counter()
        for line, (text, words) in enumerate(zip(texts, normal[side], strict=True), 1):
            fault: Fault | None = None
            if not words:
                fault = "empty"
            elif words in normal[other]:
                fault = "both_sides"
            elif earlier[words]:
                fault = "twice"
            elif not terms_in([text], terms, language):
                fault = "no_word"
            earlier[words] += 1
            if fault is not None:
                faults.append(Faulty(side, line, text, fault))  # type: ignore[arg-type]
    return faults
