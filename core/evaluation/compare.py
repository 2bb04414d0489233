"""Base against adapted on the same clips, neither of which was trained on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.data.clips.labelled_set import Clip, speakers_or_sentences
from core.text.metrics import VERDICT_CLIPS, Interval, Score, Word, clusters_needed, mark_words, paired_interval, score

Verdict = Literal["better", "worse", "unclear", "thin"]
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class ClipComparison:
    """One clip, read by both models.

    Attributes:
        path: of the sound file.
        speaker: "" if unknown.
        reference: what was said.
        base, adapted: what the models wrote.
        base_words, adapted_words: the same, normalised and marked word by word.
        base_errors, adapted_errors: word errors; words: in the reference.
        base_cer, adapted_cer: character error rates, normalised.
        trained_on: whether the adapted model was trained on this very clip; then it proves nothing.
        id: of the clip, see `core.data.clips.labelled_set.Clip`.
    """

    path: str
    speaker: str
    reference: str
    base: str
    adapted: str
    base_words: tuple[Word, ...]
    adapted_words: tuple[Word, ...]
    base_errors: int
    adapted_errors: int
    words: int
    base_cer: float
    adapted_cer: float
    trained_on: bool = False
    id: str = ""


@dataclass(frozen=True)
class Comparison:
    """Base against adapted on a set of clips.

    Attributes:
        clips: in the order given.
        base, adapted: their scores.
        difference: adapted minus base WER with its interval.
        language: whose normalisation the scores use.
    """

    clips: tuple[ClipComparison, ...]
    base: Score
    adapted: Score
    difference: Interval
    language: str

    @property
    def verdict(self) -> Verdict:
        """What the evidence allows to say, see `judge`."""
        return judge(self.difference, len(self.clips))

    @property
    def clips_needed(self) -> int | None:
        """About how many more clips, each of a new sentence or speaker, a verdict takes; 0 where there is one.

        None where the difference is so small that recording more is hopeless. See `core.text.metrics.clusters_needed`.
        """
        if self.verdict in ("better", "worse"):
            return 0
        short = VERDICT_CLIPS - min(len(self.clips), self.difference.clusters)
        needed = clusters_needed(self.difference)
        return max(short, needed or 1) if needed is not None or short > 0 else None

    def to_json(self, with_clips: bool = True) -> dict[str, Any]:
        """Returns a plain dict: rates, counts, interval, verdict and, if wished, every clip."""
        summary = {
            "base": rates(self.base),
            "adapted": rates(self.adapted),
            "difference": dataclasses.asdict(self.difference),
            "verdict": self.verdict,
            "clips_needed": self.clips_needed,
            "words": self.base.wer.length,
            "language": self.language,
        }
        return {**summary, "clips": [dataclasses.asdict(c) for c in self.clips] if with_clips else len(self.clips)}


def judge(interval: Interval, clips: int) -> Verdict:
    """Says what the evidence allows: "thin" with too few clips, "unclear" where chance may explain the change."""
    if clips < VERDICT_CLIPS or interval.clusters < VERDICT_CLIPS:
        return "thin"
    if interval.p_value > SIGNIFICANT or interval.low <= 0 <= interval.high:
        return "unclear"
    return "better" if interval.difference < 0 else "worse"


def compare(clips: Sequence[Clip], base: Sequence[str], adapted: Sequence[str], language: str) -> Comparison:
    """Compares two models' transcripts of the same clips.

    Args:
        clips: with the references; those whose part is "train" are flagged.
        base, adapted: transcripts in the same order.
        language: ISO 639-1 code, chooses the normalisation.

    Raises:
        ValueError: there are no clips, or the lengths differ.
    """
    references = [clip.text for clip in clips]
    scores = [score(references, texts, language) for texts in (base, adapted)]
    marked = [mark_words(*texts, language) for texts in zip(references, base, adapted, strict=True)]
    results = tuple(
        ClipComparison(
            path=clip.path,
            speaker=clip.speaker,
            reference=clip.text,
            base=base[i],
            adapted=adapted[i],
            base_words=tuple(marked[i][0]),
            adapted_words=tuple(marked[i][1]),
            base_errors=scores[0].word_errors[i],
            adapted_errors=scores[1].word_errors[i],
            words=scores[0].words[i],
            base_cer=scores[0].clip_cers[i],
            adapted_cer=scores[1].clip_cers[i],
            trained_on=clip.part == "train",
            id=clip.id,
        )
        for i, clip in enumerate(clips)
    )
    clusters, unit = speakers_or_sentences(clips, language)
    difference = paired_interval(scores[0].word_errors, scores[1].word_errors, scores[0].words, clusters, unit)
    return Comparison(results, scores[0], scores[1], difference, language)


def rates(result: Score) -> dict[str, float]:
    """Returns WER and CER, normalised and raw, as shares."""
    return {
        "wer": result.wer.rate,
        "cer": result.cer.rate,
        "raw_wer": result.raw_wer.rate,
        "raw_cer": result.raw_cer.rate,
    }
