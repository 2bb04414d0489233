"""Word and character error rates with counts, the alignment of words, and paired intervals. Alignment is jiwer's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import jiwer
import numpy as np

from core.text import leading_measure, normalise

WordState = Literal["same", "fixed", "broken", "wrong"]
RESAMPLES = 10_000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class ErrorRate:
    """Counts of an alignment; the rate is (substitutions + deletions + insertions) / reference length.

    Attributes:
        substitutions, deletions, insertions: counts of words (WER) or characters (CER).
        length: words or characters in the references.
    """

    substitutions: int
    deletions: int
    insertions: int
    length: int

    @property
    def errors(self) -> int:
        """All errors."""
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per reference unit: 0 is perfect, insertions can lift it above 1."""
        return self.errors / self.length if self.length else 0.0


@dataclass(frozen=True)
class Score:
    """How well transcripts match their references.

    Attributes:
        wer, cer: over the normalisation of `core.text.normalise`.
        raw_wer, raw_cer: over the texts as written, where case and punctuation count.
        word_errors, words: the normalised word errors and reference words of each clip, for the bootstrap.
        clip_cers: the normalised CER of each clip.
    """

    wer: ErrorRate
    cer: ErrorRate
    raw_wer: ErrorRate
    raw_cer: ErrorRate
    word_errors: tuple[int, ...]
    words: tuple[int, ...]
    clip_cers: tuple[float, ...]


@dataclass(frozen=True)
class Interval:
    """A difference with its 95 % interval.

    Attributes:
        difference: adapted minus base error rate; negative is better.
        low, high: the interval's ends.
        p_value: of a two-sided sign-flip test over the clusters; small where chance is a poor explanation. A
            bootstrap of few changed clusters is too narrow, and this test is not.
        clusters: how many independent groups it rests on.
        unit: "speakers" or "sentences": what a group is.
    """

    difference: float
    low: float
    high: float
    p_value: float
    clusters: int
    unit: str


@dataclass(frozen=True)
class Word:
    """One word of a marked transcript.

    Attributes:
        text: the normalised word; for a word that was left out, the reference's.
        state: "same" right as before, "fixed" now right, "broken" no longer right, "wrong" not right.
        missing: the reference has this word and the transcript has not.
    """

    text: str
    state: WordState
    missing: bool = False


def score(references: Sequence[str], hypotheses: Sequence[str], language: str = "en") -> Score:
    """Scores transcripts against their references.

    Args:
        references: what was said; each must keep at least one word after normalisation.
        hypotheses: what the model wrote, same length.
        language: ISO 639-1 code, chooses the normalisation.

    Raises:
        ValueError: the lengths differ, there is nothing to score, or a reference is empty once normalised.
    """
    if len(references) != len(hypotheses) or not references:
        raise ValueError(f"{len(references)} references for {len(hypotheses)} transcripts")
    expected = [normalise(text, language) for text in references]
    if not all(expected):
        raise ValueError(f"a reference has no words left: {references[expected.index('')]!r}")
    heard = [normalise(text, language) for text in hypotheses]
    words = jiwer.process_words(expected, heard)
    if leading_measure(language) == "cer":  # the spaces that part its characters are no characters of its own
        expected, heard = ([text.replace(" ", "") for text in texts] for texts in (expected, heard))
    characters = jiwer.process_characters(expected, heard)
    return Score(
        wer=_rate(words),
        cer=_rate(characters),
        raw_wer=_rate(jiwer.process_words(list(references), list(hypotheses))),
        raw_cer=_rate(jiwer.process_characters(list(references), list(hypotheses))),
        word_errors=tuple(_clip_errors(words)),
        words=tuple(map(len, words.references)),
        clip_cers=tuple(n / len(text) for n, text in zip(_clip_errors(characters), expected, strict=True)),
    )


def paired_interval(
    base_errors: Sequence[int],
    adapted_errors: Sequence[int],
    words: Sequence[int],
    clusters: Sequence[str],
    unit: str = "sentences",
    seed: int = 0,
) -> Interval:
    """The difference between two models' WER on the same clips, with a clustered percentile bootstrap.

    Clips of one speaker (or takes of one sentence) are not independent, so whole clusters are drawn with replacement
    and both models are read on the same draw (Bisani & Ney 2004, "Bootstrap estimates for confidence intervals in ASR
    performance evaluation", extended to clusters). The p-value flips the sign of each cluster's change at random
    (Fisher's randomisation test).

    Args:
        base_errors, adapted_errors: word errors of each clip.
        words: reference words of each clip.
        clusters: the cluster each clip belongs to.
        unit: what a cluster is, "speakers" or "sentences".
        seed: of the resampling.
    """
    names = sorted(set(clusters))
    index = np.array([names.index(name) for name in clusters])
    base, adapted, length = (
        np.bincount(index, weights=np.asarray(values, float), minlength=len(names))
        for values in (base_errors, adapted_errors, words)
    )
    change = adapted - base
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=RESAMPLES)
    low, high = np.quantile((draws @ change) / (draws @ length), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    flipped = np.abs(rng.choice((-1.0, 1.0), size=(RESAMPLES, len(names))) @ change)
    p_value = (1 + np.count_nonzero(flipped >= abs(change.sum()) - 1e-9)) / (1 + RESAMPLES)
    return Interval(float(change.sum() / length.sum()), float(low), float(high), float(p_value), len(names), unit)


def mark_words(reference: str, base: str, adapted: str, language: str = "en") -> tuple[list[Word], list[Word]]:
    """Marks every word of two transcripts of one clip by what became of it.

    Args:
        reference: what was said.
        base, adapted: what the two models wrote.
        language: ISO 639-1 code.

    Returns:
        The base's words (states "same" or "wrong") and the adapted model's words (all four states). A word that was
        said and left out appears with `missing=True`.
    """
    expected, base_words, adapted_words = (normalise(text, language).split() for text in (reference, base, adapted))
    base_right = {
        i
        for chunk in _alignment(expected, base_words)
        if chunk.type == "equal"
        for i in range(chunk.ref_start_idx, chunk.ref_end_idx)
    }

    def base_state(position: int | None, right: bool) -> WordState:
        return "same" if right else "wrong"

    def adapted_state(position: int | None, right: bool) -> WordState:
        if right:
            return "same" if position in base_right else "fixed"
        return "broken" if position in base_right else "wrong"

    return _walk(expected, base_words, base_state), _walk(expected, adapted_words, adapted_state)


def _rate(output: jiwer.WordOutput | jiwer.CharacterOutput) -> ErrorRate:
    return ErrorRate(
        output.substitutions, output.deletions, output.insertions, output.hits + output.substitutions + output.deletions
    )


def _clip_errors(output: jiwer.WordOutput | jiwer.CharacterOutput) -> list[int]:
    return [
        sum(max(c.ref_end_idx - c.ref_start_idx, c.hyp_end_idx - c.hyp_start_idx) for c in chunks if c.type != "equal")
        for chunks in output.alignments
    ]


def _alignment(expected: list[str], heard: list[str]) -> list[jiwer.AlignmentChunk]:
    return jiwer.process_words(" ".join(expected), " ".join(heard)).alignments[0]


def _walk(expected: list[str], heard: list[str], state: Callable[[int | None, bool], WordState]) -> list[Word]:
    words = []
    for chunk in _alignment(expected, heard):
        said = range(chunk.ref_start_idx, chunk.ref_end_idx)
        written = range(chunk.hyp_start_idx, chunk.hyp_end_idx)
        if chunk.type == "delete":
            words += [Word(expected[i], state(i, False), missing=True) for i in said]
        elif chunk.type == "insert":
            words += [Word(heard[j], state(None, False)) for j in written]
        else:
            words += [Word(heard[j], state(i, chunk.type == "equal")) for i, j in zip(said, written, strict=True)]
    return words
