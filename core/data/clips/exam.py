"""An exam and lessons: which sentences a person reads for each, in what order, and what a model made of the exam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from core.text.metrics import score
from core.text.practice import choose_sentences, deal
from core.text.scoring import leading_measure, normalise

EXAM: Literal["test"] = "test"  # parts of a labelled set
LESSONS: Literal["train"] = "train"
EXAM_SENTENCES = 10  # two more than a verdict needs, so that one may fail
LESSON_SENTENCES = 15
FIRST_SENTENCES = 4  # of the exam, the same for everyone; the others are chosen for what the base made of these
ENOUGH_SENTENCES = 6  # of an exam: a model with no error in so many has little left to learn of such sentences


@dataclass(frozen=True)
class Prompt:
    """A sentence to read.

    Attributes:
        text: the sentence.
        part: of the labelled set that its recording belongs to: "test" for the exam, "train" for the lessons.
    """

    text: str
    part: Literal["train", "test"]


Plan = tuple[Prompt, ...]


@dataclass(frozen=True)
class Exam:
    """What a model made of an exam so far.

    Attributes:
        errors: the model's word errors in each sentence it has transcribed, by sentence; in languages written without
            spaces, its character errors.
        words: words in these sentences, or characters.
        unit: "words" or "characters".
        planned: number of sentences of the exam, read or not.
        retired: number of sentences taken out after their transcript was seen.
    """

    errors: dict[str, int]
    words: int
    unit: str
    planned: int
    retired: int

    @property
    def is_faultless(self) -> bool:
        """Whether the model made no errors in a good part of the exam, so that training could not show anything."""
        return len(self.errors) >= ENOUGH_SENTENCES and not any(self.errors.values())


def exam_size(sentences: int) -> int:
    """Returns how many of some sentences are the exam: two fifths, but at least 8, or half if that is less, and at most 10."""
    return min(EXAM_SENTENCES, sentences // 2, max(8, round(0.4 * sentences)))


def planned(sentences: Sequence[str], language: str, parts: Mapping[str, str], lessons: int | None = LESSON_SENTENCES) -> Plan:
    """Plans an exam and lessons from sentences in their order.

    Args:
        sentences: to choose from, at least one.
        language: ISO 639-1 code of the sentences; "" if unknown.
        parts: the parts of sentences that have been read, by `key`: no sentence is in both.
        lessons: the most lessons to plan, from sentences not read before; None for all sentences, read before or not.
    """
    known = {text: parts[key(text, language)] for text in sentences if key(text, language) in parts}
    fresh = [text for text in sentences if text not in known]
    if lessons is not None:
        known, fresh = ({}, fresh[: EXAM_SENTENCES + lessons]) if len(fresh) > 1 else (known, fresh)
    exam, others = deal(fresh, exam_size(len(fresh)))
    part = {**known, **dict.fromkeys(exam, EXAM), **dict.fromkeys(others, LESSONS)}
    order = [text for text in sentences if text in part]
    return in_order([Prompt(text, EXAM if part[text] == EXAM else LESSONS) for text in order])


def replanned(
    plan: Plan, fixed: Sequence[str], heard: Sequence[tuple[str, str]], sentences: Sequence[str], language: str,
    parts: Mapping[str, str], counts: tuple[int, int],
) -> Plan:  # fmt: skip
    """Replaces the sentences of a plan that are not fixed with those that practise what a base got wrong.

    Args:
        plan: the plan.
        fixed: sentences that stay, with their parts: those recorded, and the one on the page.
        heard: pairs of a sentence and the base's transcript of it.
        sentences: to choose from.
        language: ISO 639-1 code.
        parts: the parts of sentences that have been read, by `key`; those are not chosen.
        counts: the numbers of exam sentences and of lessons to have in all.
    """
    stay = [prompt for prompt in plan if prompt.text in fixed]
    wanted = [max(0, n - sum(prompt.part == part for prompt in stay)) for n, part in zip(counts, (EXAM, LESSONS), strict=True)]
    taken = {key(prompt.text, language) for prompt in stay} | parts.keys()
    candidates = [text for text in sentences if key(text, language) not in taken]
    chosen = choose_sentences(heard, candidates, sum(wanted), language)
    exam, lessons = deal(chosen, round(len(chosen) * wanted[0] / max(1, sum(wanted))))
    new = [*(Prompt(text, EXAM) for text in exam), *(Prompt(text, LESSONS) for text in lessons)]
    return in_order([*stay, *new])


def in_order(prompts: Sequence[Prompt]) -> Plan:
    """Returns the prompts with the exam first."""
    return tuple(sorted(prompts, key=lambda prompt: prompt.part != EXAM))


def key(text: str, language: str) -> str:
    """Returns the form of a sentence in which two are compared."""
    return normalise(text, language or "en")


def examine(heard: Mapping[str, str], planned: int, retired: int, language: str) -> Exam:
    """Counts a model's errors in an exam.

    Args:
        heard: its transcripts, by sentence.
        planned: number of sentences of the exam, read or not.
        retired: number of sentences taken out after their transcript was seen.
        language: ISO 639-1 code.
    """
    unit = "characters" if leading_measure(language) == "cer" else "words"
    heard = {text: written for text, written in heard.items() if normalise(text, language)}
    if not heard:
        return Exam({}, 0, unit, planned, retired)
    scored = score([*heard], [*heard.values()], language)
    return Exam(dict(zip(heard, scored.word_errors, strict=True)), sum(scored.words), unit, planned, retired)
