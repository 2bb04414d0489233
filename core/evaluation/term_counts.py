"""How often each of a person's own words was transcribed right, by base and adapted model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.text.metrics import word_pairs
from core.text.scoring import normalise
from core.text.terms import places

Aligned = Sequence[Sequence[tuple[str, str]]]  # of each clip the pairs of a word said and a word written


@dataclass(frozen=True)
class TermCount:
    """One term in held-out clips.

    Attributes:
        term: as the person typed it; may be several words.
        times: how often it is in the references.
        base, adapted: how often each model transcribed it right, in its place.
        base_wrote, adapted_wrote: what the model wrote in its place where that is not right, normalised, each once, the most
            frequent first; "" for nothing.
    """

    term: str
    times: int
    base: int
    adapted: int
    base_wrote: tuple[str, ...] = ()
    adapted_wrote: tuple[str, ...] = ()


def count_terms(
    references: Sequence[str], base: Sequence[str], adapted: Sequence[str], terms: Iterable[str], language: str
) -> tuple[TermCount, ...]:
    """Counts, for each term, how often it was said and how often each model transcribed it right.

    A term is right if the alignment that also gives the WER pairs all its words with the same words, with nothing between
    them. Elsewhere in the transcript it does not count.

    Args:
        references: what was said in each clip.
        base, adapted: what each model wrote, same order.
        terms: the terms, in the order of the result.
        language: ISO 639-1 code, chooses the normalisation.
    """
    aligned = [
        [word_pairs(said, text, language) for said, text in zip(references, texts, strict=True)] for texts in (base, adapted)
    ]
    return tuple(_count(term, normalise(term, language).split(), *aligned) for term in terms)


def flipped(counts: Iterable[TermCount]) -> tuple[int, int, int]:
    """Returns how many terms the base never got right, how often the adapted model did, and how often they were said."""
    never = [count for count in counts if count.times and not count.base]
    return len(never), sum(count.adapted for count in never), sum(count.times for count in never)


def _count(term: str, words: list[str], base: Aligned, adapted: Aligned) -> TermCount:
    texts = [[text for pairs in clips for text in _written(pairs, words)] for clips in (base, adapted)]
    wrong = [Counter(" ".join(text) for text in written if text != words) for written in texts]
    right = [len(written) - counter.total() for written, counter in zip(texts, wrong, strict=True)]
    instead = [tuple(text for text, _ in counter.most_common()) for counter in wrong]
    return TermCount(term, len(texts[0]), right[0], right[1], instead[0], instead[1])


def _written(pairs: Sequence[tuple[str, str]], term: list[str]) -> list[list[str]]:
    """Returns the words written in each place of a term."""
    said = [place for place, (word, _) in enumerate(pairs) if word]
    found = []
    for start in places([pairs[place][0] for place in said], term) if term else ():
        first, last = said[start], said[start + len(term) - 1]
        written = [heard for _, heard in pairs[first : last + 1] if heard]
        if written != term:  # a name heard as two words: one of them is paired with the name, the other with nothing
            while first > 0 and not pairs[first - 1][0]:
                first -= 1
            while last + 1 < len(pairs) and not pairs[last + 1][0]:
                last += 1
            written = [heard for _, heard in pairs[first : last + 1] if heard]
        found.append(written)
    return found
