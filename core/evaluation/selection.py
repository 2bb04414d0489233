"""Filters and sorts the clips of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from core.evaluation.compare import ClipComparison, Comparison
from core.text.folding import folded
from core.text.metrics import score
from core.text.scoring import clean, normalise
from core.text.scripts import lowered, space_between

ORDERS = ("improved", "harmed", "longest", "given")
SHORT_SECONDS = 8.0  # of a clip to watch: it is read at a glance, and transcribed fast
KINDS = ("all", "fixed", "broken", "wrong", "unchanged")


def select(comparison: Comparison, order: str = "improved", kind: str = "all", wanted: str = "") -> list[int]:
    """Returns the positions of the clips to look at, in order.

    Args:
        comparison: base against adapted.
        order: "improved" (largest drop in word errors first), "harmed" (largest rise first), "longest" (most words first)
            or "given" (as in the comparison).
        kind: "fixed", "broken" or "wrong" where the adapted model fixed a word, broke one, or still has one wrong;
            "unchanged" where it wrote the same as the base; or "all".
        wanted: a text that the reference or a transcript, as written or normalised, must contain; case and the form of
            apostrophes and digits do not count.

    Raises:
        ValueError: there is no such order or kind.
    """
    if order not in ORDERS or kind not in KINDS:
        raise ValueError(f"no order {order!r} or kind {kind!r}")
    clips = comparison.clips
    chosen = [i for i, clip in enumerate(clips) if _is(clip, kind) and _holds(clip, wanted, comparison.language)]
    sizes = {
        "improved": [clip.adapted_errors - clip.base_errors for clip in clips],
        "harmed": [clip.base_errors - clip.adapted_errors for clip in clips],
        "longest": [-clip.words for clip in clips],
        "given": [0] * len(clips),
    }[order]
    return sorted(chosen, key=lambda i: sizes[i])


def most_telling(comparison: Comparison) -> int | None:
    """Returns the position of the clip that shows best what adapting did: the one with the most words fixed.

    If there are more errors than before, it is the one with the most words broken; where nothing changed, the one with the most
    words wrong. None if neither model made an error.
    """
    worse = comparison.adapted.wer.errors > comparison.base.wer.errors
    for state in ("broken", "fixed", "wrong") if worse else ("fixed", "wrong", "broken"):
        counts = [sum(word.state == state for word in clip.adapted_words) for clip in comparison.clips]
        if any(counts):
            change = [clip.adapted_errors - clip.base_errors for clip in comparison.clips]
            return max(range(len(counts)), key=lambda i: (counts[i], change[i] if worse else -change[i]))
    return None


def clip_to_watch(references: Sequence[str], base: Sequence[str], seconds: Sequence[float], language: str = "en") -> int | None:
    """Returns the position of the held-out clip to watch while a model learns: of the short ones, that with the most errors.

    Args:
        references: reference texts.
        base: the base's transcripts.
        seconds: durations.
        language: ISO 639-1 code, chooses the normalisation.

    Returns:
        None if no reference has words.
    """
    worded = [i for i, text in enumerate(references) if normalise(text, language)]
    if not worded:
        return None
    chosen = [i for i in worded if seconds[i] <= SHORT_SECONDS] or [min(worded, key=lambda i: seconds[i])]
    scored = score([references[i] for i in chosen], [base[i] for i in chosen], language)
    wrong = [min(errors, words) for errors, words in zip(scored.word_errors, scored.words, strict=True)]  # what repeats is one
    return chosen[max(range(len(chosen)), key=lambda n: (wrong[n], -seconds[chosen[n]]))]


def _is(clip: ClipComparison, kind: str) -> bool:
    if kind == "unchanged":
        base, adapted = ([word.text for word in words] for words in (clip.base_words, clip.adapted_words))
        return base == adapted and clip.base_errors == clip.adapted_errors
    return kind == "all" or any(word.state == kind for word in clip.adapted_words)


def _holds(clip: ClipComparison, wanted: str, language: str) -> bool:
    joint = space_between(language)
    normalised = (joint.join(word.text for word in words) for words in (clip.base_words, clip.adapted_words))
    sought, *texts = (
        folded(lowered(clean(text), language), language).casefold()
        for text in (wanted, clip.reference, clip.base, clip.adapted, *normalised)
    )
    return any(sought in text for text in texts)
