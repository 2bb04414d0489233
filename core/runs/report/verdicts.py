"""Sentences about the result of a comparison, for both the report and the page."""

from __future__ import annotations

from core.evaluation.compare import MEASURES, Figures
from core.runs.report.markup import Say, percent
from core.runs.result import GeneralSpeech
from core.text.scoring import leading_measure

KINDS = {"better": "good", "worse": "bad"}  # colours of verdicts; any other verdict is "unclear"


def by_importance(figures: dict[str, Figures]) -> list[tuple[str, Figures]]:
    """Returns the groups with their figures, bad news first."""
    return sorted(figures.items(), key=lambda pair: pair[1].verdict != "worse")


def verdict(group: str, figures: Figures, canary: GeneralSpeech, say: Say) -> str:
    """Returns the verdict on a group of clips as a sentence.

    Args:
        group: "test" or "canary".
        figures: figures of the group. Errors are of words, or of characters if the language is scored by characters.
        canary: the set of the general speech.
        say: returns sentences of a language, by the keys of `core.runs.report.words_shared`.
    """
    change = figures.difference
    nothing = not figures.base.wer and not figures.adapted.wer  # 0.0 % against 0.0 % would say nothing
    return say(
        f"verdict.{group}.{'nothing' if nothing else figures.verdict}",
        base=percent(figures.base.wer),
        adapted=percent(figures.adapted.wer),
        gain_low=percent(-change.high),
        gain_high=percent(max(0.0, -change.low)),
        loss_low=percent(change.low),
        loss_high=percent(max(0.0, change.high)),
        clips=figures.clips,
        general=general_speech(canary, figures.clips, say),
        clusters=change.clusters,
        unit=say(f"verdict.{change.unit}", count=change.clusters),
        errors=say(f"errors.{leading_measure(figures.language)}"),
    )


def general_speech(canary: GeneralSpeech, clips: int, say: Say) -> str:
    """Returns a description of the general speech, to follow the number of its clips."""
    return say("canary.synthetic", clips=clips) if canary.synthetic else say("canary.real", clips=clips, name=canary.name)


def computed_on(group: str, figures: Figures, canary: GeneralSpeech, say: Say) -> str:
    """Returns a description of the clips that the figures of a group were computed on."""
    key = "figures.test_cer" if group == "test" and leading_measure(figures.language) == "cer" else f"figures.{group}"
    return say(key, clips=figures.clips, words=figures.words, general=general_speech(canary, figures.clips, say))


def measures(language: str) -> tuple[str, ...]:
    """Returns the error rates to show, as fields of `Rates`; no word rates if the language is scored by characters."""
    return ("cer", "raw_cer") if leading_measure(language) == "cer" else MEASURES


def clip_errors(errors: int, words: int, cer: float, language: str, say: Say) -> str:
    """Returns a sentence about the errors of one model in a clip.

    Args:
        errors: number of word errors, or of character errors if the language is scored by characters.
        words: number of words in the reference, or of characters likewise.
        cer: character error rate.
        language: ISO 639-1 code.
        say: returns sentences of a language.
    """
    rates = {"wer": f"{percent(errors / words)} %", "cer": f"{percent(cer)} %"}
    key = "compare.errors" if errors else "compare.none"  # 0.0 % on both sides would only be noise
    key += "_cer" if leading_measure(language) == "cer" else ""
    return say(key, errors=errors, words=words, **rates)
