"""Filters and sorts the clips of a comparison."""

from __future__ import annotations

from core.evaluation.compare import ClipComparison, Comparison
from core.text.folding import folded
from core.text.scoring import clean
from core.text.scripts import lowered, space_between

ORDERS = ("improved", "harmed", "longest", "given")
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
