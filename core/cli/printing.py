"""Output shared by several commands."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from core.runs.report.words_shared import english

if TYPE_CHECKING:
    from core.evaluation.compare import Comparison
    from core.evaluation.term_counts import TermCount
    from core.runs.result import Result


def print_json(value: dict[str, Any]) -> None:
    """Prints a JSON object on one line."""
    print(json.dumps(value, ensure_ascii=False), flush=True)


def print_result(result: Result, comparisons: Mapping[str, Comparison]) -> None:
    """Prints whether a run learned anything, its figures on each group of clips, and its result in plain sentences."""
    from core.runs.report.facts import facts
    from core.runs.report.headline import headline

    if result.base_kept:
        print(english("verdict.base_kept"))
    for group in ("test", "canary"):
        if group not in comparisons:
            continue
        found = comparisons[group].figures
        base, adapted, change = found.base, found.adapted, found.difference
        print(
            f"{group}: WER {base.wer:.1%} -> {adapted.wer:.1%} ({found.verdict}: {change.low:+.1%} to {change.high:+.1%}), "
            f"CER {base.cer:.1%} -> {adapted.cer:.1%}, {found.clips} clips"
        )
        print_terms(found.terms)
    if "test" in comparisons:
        told = headline(result, comparisons["test"], english)
        print("\n".join([told.errors, *(sentence for _, sentence in told.facts())]))
    for name, phrase in vars(facts(result, english)).items():
        print(f"{name.replace('_', ' ')}: {phrase}")


def print_terms(terms: Sequence[TermCount]) -> None:
    """Prints how often each of the person's own words was right, a line a word."""
    for count in terms:
        if not count.times:
            print(f"  {count.term}: in none of the test clips")
            continue
        wrote = ", ".join(text or "(nothing)" for text in count.adapted_wrote)
        instead = f"; the adapted model wrote instead: {wrote}" if wrote else ""
        print(f"  {count.term}: right {count.base} -> {count.adapted} of {count.times} times{instead}")
