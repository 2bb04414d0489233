"""Base against adapted on the same clips, neither of which was trained on them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.data.clips.labelled_set import Clip, id_of, speakers_or_sentences
from core.evaluation.term_counts import TermCount, count_terms
from core.storage.typed import build
from core.text.metrics import (
    VERDICT_CLIPS,
    ErrorRate,
    Interval,
    Score,
    Word,
    clusters_needed,
    mark_words,
    paired_interval,
    score,
)
from core.text.scoring import RULES

Verdict = Literal["better", "worse", "unclear", "thin"]
SIGNIFICANT = 0.05
MEASURES = ("wer", "cer", "raw_wer", "raw_cer")


@dataclass(frozen=True)
class ClipComparison:
    """One clip, transcribed by both models.

    Attributes:
        path: path of the sound file.
        speaker: name of the speaker; "" if unknown.
        reference: the reference text.
        base, adapted: the models' transcripts.
        base_words, adapted_words: the transcripts, normalised and marked word by word.
        base_errors, adapted_errors: number of word errors; words: number of words in the reference.
        base_cer, adapted_cer: character error rates of the normalised texts.
        trained_on: whether the adapted model was trained on this clip, which then proves nothing.
        id: id of the clip, see `core.data.clips.labelled_set.Clip`.
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

    def __post_init__(self) -> None:
        if not self.id:  # an earlier version wrote none
            object.__setattr__(self, "id", id_of(self.path))

    def clip(self) -> Clip:
        """Returns the clip that was transcribed."""
        return Clip(self.path, self.reference, self.speaker, "train" if self.trained_on else "test", self.id)


@dataclass(frozen=True)
class Comparison:
    """Base against adapted on a set of clips.

    Attributes:
        clips: the clips, in the order given.
        base, adapted: scores of the two models.
        difference: adapted minus base WER, with its interval.
        language: ISO 639-1 code; selects the normalisation of the scores.
        terms: the person's own words, which are counted one by one.
    """

    clips: tuple[ClipComparison, ...]
    base: Score
    adapted: Score
    difference: Interval
    language: str
    terms: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The verdict that the evidence allows, see `judge`."""
        return judge(self.difference, len(self.clips))

    @property
    def clips_needed(self) -> int | None:
        """About how many more clips, each with a new sentence or speaker, a verdict needs; 0 if there is one already.

        None if the difference is so small that recording more is hopeless. See `core.text.metrics.clusters_needed`.
        """
        if self.verdict in ("better", "worse"):
            return 0
        short = VERDICT_CLIPS - min(len(self.clips), self.difference.clusters)
        needed = clusters_needed(self.difference)
        return max(short, needed or 1) if needed is not None or short > 0 else None

    @property
    def figures(self) -> Figures:
        """The figures, without the clips."""
        return Figures(
            rates(self.base),
            rates(self.adapted),
            self.difference,
            self.verdict,
            self.clips_needed,
            self.base.wer.length,
            self.language,
            len(self.clips),
            RULES,
            self.term_counts,
        )

    @property
    def term_counts(self) -> tuple[TermCount, ...]:
        """How often each term was transcribed right; of none, nothing."""
        if not self.terms:
            return ()
        said, base, adapted = ([getattr(clip, name) for clip in self.clips] for name in ("reference", "base", "adapted"))
        return count_terms(said, base, adapted, self.terms, self.language)

    def to_json(self) -> dict[str, Any]:
        """Returns a plain dict: the fields of `Figures`, with `clips` as a list, and the counts behind the error rates."""
        counts = {
            name: {measure: dataclasses.asdict(getattr(score, measure)) for measure in MEASURES}
            for name, score in (("base", self.base), ("adapted", self.adapted))
        }
        return {**dataclasses.asdict(self.figures), "clips": [dataclasses.asdict(c) for c in self.clips], "counts": counts}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Comparison:
        """Builds a comparison from `to_json`'s dict; counts again only what an earlier version did not write.

        If earlier rules scored it, and would have scored these transcripts differently, all is scored again.
        """
        clips = tuple(build(ClipComparison, row) for row in fields["clips"])
        terms = tuple(row["term"] for row in fields.get("terms", ()))
        if fields.get("rules", 1) != RULES and not all(_is_marked(clip, fields["language"]) for clip in clips):
            base, adapted = [clip.base for clip in clips], [clip.adapted for clip in clips]
            return compare([clip.clip() for clip in clips], base, adapted, fields["language"], terms)
        scores = []
        for name in ("base", "adapted"):
            if "counts" in fields:
                counts = {measure: ErrorRate(**fields["counts"][name][measure]) for measure in MEASURES}
                errors, cers = (tuple(getattr(clip, f"{name}_{kind}") for clip in clips) for kind in ("errors", "cer"))
                scores.append(Score(**counts, word_errors=errors, words=tuple(clip.words for clip in clips), clip_cers=cers))
            else:
                texts = [getattr(clip, name) for clip in clips]
                scores.append(score([clip.reference for clip in clips], texts, fields["language"]))
        return cls(clips, scores[0], scores[1], Interval(**fields["difference"]), fields["language"], terms)


@dataclass(frozen=True)
class Rates:
    """Error rates, as shares: normalised, and as written, where case and punctuation count."""

    wer: float
    cer: float
    raw_wer: float
    raw_cer: float


@dataclass(frozen=True)
class Figures:
    """The figures of a comparison, without its clips.

    Attributes:
        base, adapted: error rates.
        difference: adapted minus base WER with its interval.
        verdict: what the evidence allows to say.
        clips_needed: see `Comparison.clips_needed`; 0 where an earlier version did not say.
        words: in the references; characters where the language is scored by character.
        language: whose normalisation the rates use.
        clips: how many.
        rules: the version of the scoring rules, `core.text.scoring.RULES`; 1 from earlier versions.
        terms: how often each of the person's own words was transcribed right; none where they gave none.
    """

    base: Rates
    adapted: Rates
    difference: Interval
    verdict: Verdict
    clips_needed: int | None = 0
    words: int = 0
    language: str = "en"
    clips: int = 0
    rules: int = 1
    terms: tuple[TermCount, ...] = ()


def judge(interval: Interval, clips: int) -> Verdict:
    """Returns the verdict: "thin" with too few clips, "unclear" if chance may explain the change, else "better" or "worse"."""
    if clips < VERDICT_CLIPS or interval.clusters < VERDICT_CLIPS:
        return "thin"
    if interval.p_value > SIGNIFICANT or interval.low <= 0 <= interval.high:
        return "unclear"
    return "better" if interval.difference < 0 else "worse"


def compare(
    clips: Sequence[Clip], base: Sequence[str], adapted: Sequence[str], language: str, terms: Sequence[str] = ()
) -> Comparison:
    """Compares two models' transcripts of the same clips.

    Args:
        clips: with the references; those whose part is "train" are flagged.
        base, adapted: transcripts in the same order.
        language: ISO 639-1 code, chooses the normalisation.
        terms: the person's own words, to count one by one.

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
    return Comparison(results, scores[0], scores[1], difference, language, tuple(terms))


def _is_marked(clip: ClipComparison, language: str) -> bool:
    """Returns whether the marked words of a clip are those of the present rules of scoring."""
    words = mark_words(clip.reference, clip.base, clip.adapted, language)
    return [list(clip.base_words), list(clip.adapted_words)] == list(words)


def rates(result: Score) -> Rates:
    """Returns WER and CER, normalised and raw, as shares."""
    return Rates(*(getattr(result, measure).rate for measure in MEASURES))
