"""Markup for recorded prompts: sound quality, the base's transcript, and progress through the list."""

from __future__ import annotations

from collections.abc import Sequence

from core.data.inspection.quality import Finding, Measures
from core.text.metrics import mark_words, score
from core.text.scoring import leading_measure, normalise
from demo.show.markup import NO_BREAK, escape, fine, marked, note, player
from demo.show.numbers import percent
from demo.show.progress import bar
from demo.wording import Wording

AIMS = (5, 10, 20, 40)  # clips
LEVELS_DB = (-60, 0)  # range of the level bar
_SHARES = ("mostly_silent", "clipped", "wrong_speech")
_DECIBELS = ("too_quiet", "noisy")


def prompt(text: str, w: Wording) -> str:
    """Returns the sentence to speak, large enough for a lecture hall."""
    return f'<p class="prompt" aria-label="{escape(w("record.prompt"))}">{escape(text)}</p>'


def place(number: int, prompts: Sequence[str], done: Sequence[str], w: Wording) -> str:
    """Returns the position in the list, with a square for each prompt; those with a kept take are marked."""
    squares = "".join(
        f'<i class="{"done" if text in done else ""}{" now" if i == number else ""}"></i>' for i, text in enumerate(prompts, 1)
    )
    where = f"<b>{escape(w('record.of', number=number, prompts=len(prompts)))}</b>"
    details = f"<span>{escape(w('record.done', done=len(done)))}</span>"
    return f'<div class="place">{where}<span class="squares" aria-hidden="true">{squares}</span>{details}</div>'


def take(url: str, measures: Measures, findings: Sequence[Finding], is_kept: bool, w: Wording) -> str:
    """Returns a take: that it was received, its sound levels, and a sentence of advice for each problem."""
    received = w("record.kept" if is_kept else "record.received")
    level = max(LEVELS_DB[0], measures.speech_dbfs)
    details = w(
        "record.sound",
        seconds=f"{measures.seconds:.1f}",
        speech=f"{measures.speech_seconds:.1f}",
        level=decibels(level),
        peak=decibels(measures.peak_dbfs),
    )
    if measures.snr_db is not None:
        details += w("record.snr", snr=decibels(measures.snr_db))
    share = (level - LEVELS_DB[0]) / (LEVELS_DB[1] - LEVELS_DB[0])
    bar = f'<span class="level" aria-hidden="true"><span style="width:{100 * share:.0f}%"></span></span>'
    return (
        f'<div class="take"><p class="example">{player(url, w)}<span class="received">{escape(received)}</span></p>'
        f"{bar}{fine(details)}{''.join(finding(one, w) for one in findings)}</div>"
    )


def finding(found: Finding, w: Wording) -> str:
    """Returns one problem of a recording, with advice."""
    key = f"record.finding.{found.kind}"
    key = f"{key}.error" if found.severity == "error" and w.has(f"{key}.error") else key
    if found.kind in _SHARES:
        value = percent(found.value)
    else:
        value = decibels(found.value) if found.kind in _DECIBELS else f"{found.value:.2f}"
    return note(w(key, value=value), found.severity)


def heard(prompt: str, text: str, language: str, findings: Sequence[Finding], checked: bool, w: Wording) -> str:
    """Returns the base's transcript of a take with wrong words marked, and its error rates.

    The character error rate comes first, and alone, in languages that do not separate words with spaces.
    """
    if not normalise(prompt, language):
        return ""
    words = mark_words(prompt, text, text, language)[0]
    scored = score([prompt], [text], language)
    details = [w("rate.cer", rate=percent(scored.cer.rate))]
    if leading_measure(language) == "wer":
        details.insert(0, w("rate.wer", rate=percent(scored.wer.rate)))
    unsure = "" if checked else fine(w("record.language_unknown"))
    notes = "".join(finding(one, w) for one in findings) if checked else ""
    return (
        f'<div class="base-heard"><h4>{escape(w("record.heard"))}</h4><p class="heard">{marked(words, w)}</p>'
        f"{fine(w('recipe.and').join(details))}{notes}{unsure}</div>"
    )


def decibels(value: float) -> str:
    """Formats a level as a whole number with a typographic minus sign."""
    return f"{value:.0f}".replace("-", "−")


def aim(clips: int, seconds: float, w: Wording) -> str:
    """Returns how much has been recorded, and what each number of clips usually achieves."""
    reached = sum(clips >= many for many in AIMS)
    cells = "".join(
        f'<li class="{"reached" if clips >= many else "next" if i == reached else ""}"><b>{many}</b>'
        f"<span>{escape(w(f'record.aim.{many}'))}</span></li>"
        for i, many in enumerate(AIMS)
    )
    # Each aim is twice the previous one, so equal steps of the bar are equal factors.
    share = _along(clips)
    have = w("record.have", clips=clips, time=f"{seconds:.0f}{NO_BREAK}{w('record.seconds')}")
    drawn = bar(share, have, str(clips))
    return f'<div class="aim"><p class="have">{escape(have)}</p>{drawn}<ol>{cells}</ol>{fine(w("record.aim.source"))}</div>'


def _along(clips: int) -> float:
    """Returns the filled share of the bar, 0 to 1: a quarter for each aim, linear between two aims."""
    edges = (0, *AIMS)
    for i, (low, high) in enumerate(zip(edges, AIMS, strict=False)):
        if clips < high:
            return (i + (clips - low) / (high - low)) / len(AIMS)
    return 1.0
