"""A run's result in a few plain sentences, for one glance, on the page, in the report and on the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from core.data.names import OWN
from core.evaluation.compare import Comparison
from core.runs.report.markup import Say, percent
from core.runs.report.verdicts import KINDS
from core.runs.result import Result
from core.text.metrics import word_pairs
from core.text.scoring import leading_measure
from core.text.scripts import UNSPACED_LANGUAGES

MOST_WORDS = 8  # named in a list; the others are counted


@dataclass(frozen=True)
class Headline:
    """The result on the test clips.

    Attributes:
        kind: "good", "bad" or "unclear".
        errors: how many errors there were and are; bad news comes first.
        fixed, broken: the words that changed; "" for none.
        cost: what happened to general English.
        sure: whether chance may explain it; "" where there is nothing to explain.
        next: what to do now, in sentences to record.
    """

    kind: str
    errors: str
    fixed: str
    broken: str
    cost: str
    sure: str
    next: str

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yields the name and the sentence of all but `errors`, without the empty ones."""
        for name in ("fixed", "broken", "cost", "sure", "next"):
            if getattr(self, name):
                yield name, getattr(self, name)


def headline(result: Result, test: Comparison, say: Say) -> Headline:
    """Returns the sentences.

    Args:
        result: of the run.
        test: base against adapted on its test clips.
        say: returns sentences of a language, by the keys of `core.runs.report.words_shared`.
    """
    before, after = test.base.wer.errors, test.adapted.wer.errors
    return Headline(
        kind="bad" if after > before else KINDS.get(test.verdict, "unclear"),
        errors=_errors(test, _tested(result), say),
        fixed=_changed(test, "fixed", say),
        broken=_changed(test, "broken", say),
        cost=_cost(result, say),
        sure=_sure(test, say) if before or after else "",
        next=_next(result, test, say),
    )


def _tested(result: Result) -> str:
    """Returns the part of the keys that calls the test clips what the page called them when they were recorded."""
    return ".exam" if result.set == OWN else ""


def _errors(test: Comparison, tested: str, say: Say) -> str:
    before, after = test.base.wer.errors, test.adapted.wer.errors
    if not before and not after:
        return say(f"headline.nothing{tested}", clips=len(test.clips))
    counted = say(f"headline.errors{tested}", clips=len(test.clips), base=before, adapted=after)
    if after < before:
        return counted
    return say("headline.worse" if after > before else "headline.same", errors=counted)


def _changed(test: Comparison, state: str, say: Say) -> str:
    """Names the words that were said and are only now right, "fixed", or no longer, "broken"; most frequent first."""
    unspaced = test.language in UNSPACED_LANGUAGES
    counts: Counter[str] = Counter()
    for clip in test.clips:
        base, adapted = (word_pairs(clip.reference, text, test.language) for text in (clip.base, clip.adapted))
        was, now = ([(said, said == heard) for said, heard in pairs if said] for pairs in (base, adapted))
        wanted = (False, True) if state == "fixed" else (True, False)
        changed = [(said, (before, right) == wanted) for (said, right), (_, before) in zip(now, was, strict=True)]
        for found, words in groupby(changed, key=lambda word: word[1]):
            if found:
                texts = [said for said, _ in words]
                counts.update(["".join(texts)] if unspaced else texts)  # a single character means little
    named = say("headline.and").join(word for word, _ in counts.most_common(MOST_WORDS))
    key = f"headline.{state}" if len(counts) <= MOST_WORDS else f"headline.{state}_more"
    return say(key, words=named, more=len(counts) - MOST_WORDS) if counts else ""


def _cost(result: Result, say: Say) -> str:
    canary = result.canary
    if canary is None:
        return say("headline.cost.unmeasured")
    if not canary.base.wer and not canary.adapted.wer:
        return say("headline.cost.nothing", clips=canary.clips)
    rates = {"base": percent(canary.base.wer), "adapted": percent(canary.adapted.wer)}
    return say(f"headline.cost.{canary.verdict}", clips=canary.clips, **rates)


def _sure(test: Comparison, say: Say) -> str:
    change = test.difference
    return say(
        f"headline.sure.{test.verdict}",
        gain=_range(-change.high, -change.low, say),
        loss=_range(change.low, change.high, say),
        gain_high=percent(max(0.0, -change.low)),
        loss_high=percent(max(0.0, change.high)),
        clusters=min(change.clusters, len(test.clips)),
        rate=say(f"headline.rate.{leading_measure(test.language)}"),
    )


def _range(low: float, high: float, say: Say) -> str:
    ends = percent(low), percent(high)
    return ends[0] if ends[0] == ends[1] else say("headline.range", low=ends[0], high=ends[1])


def _next(result: Result, test: Comparison, say: Say) -> str:
    left, clips = test.adapted.wer.errors, result.own_clips
    if not left and not test.base.wer.errors:
        return say("headline.next.harder")
    if result.base_kept:
        return say("headline.next.kept", clips=clips)
    if test.verdict == "worse":
        return say("headline.next.worse", clips=clips)
    if test.verdict == "better":
        return say("headline.next.left" if left else "headline.next.settled", clips=clips, left=left)
    more = test.clips_needed
    if more is None:
        return say("headline.next.hopeless", clips=clips)
    exam = _tested(result) if test.difference.unit == "sentences" else ""
    return say(f"headline.next.{test.difference.unit}{exam}", more=more)
