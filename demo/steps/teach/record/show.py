"""Markup for recorded prompts: sound quality, the base's transcript, and progress through the list."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from core.data.clips.exam import EXAM, LESSONS, Exam, Prompt
from core.data.inspection.quality import Finding, Measures
from core.text.metrics import mark_words, score
from core.text.scoring import leading_measure, normalise
from demo.show.markup import escape, fine, marked, note, player
from demo.show.numbers import percent
from demo.wording import Wording

LEVELS_DB = (-60, 0)  # range of the level bar
_SHARES = ("mostly_silent", "clipped", "wrong_speech")
_DECIBELS = ("too_quiet", "noisy")


def prompt(text: str, w: Wording) -> str:
    """Returns the sentence to speak, large enough for a lecture hall."""
    return f'<p class="prompt" aria-label="{escape(w("record.prompt"))}">{escape(text)}</p>'


def place(plan: Sequence[Prompt], here: str, done: Collection[str], errors: Mapping[str, int], w: Wording) -> str:
    """Returns the exam and the lessons, with a square for each sentence.

    Args:
        plan: the sentences.
        here: the one to read now.
        done: those with a kept take.
        errors: the base's errors in sentences of the exam, shown in their squares.
        w: the wording of the page's language.
    """
    rows = "".join(
        _row(part, [one.text for one in plan if one.part == part], here, done, errors, w) for part in (EXAM, LESSONS)
    )
    now = next((one.part for one in plan if one.text == here), EXAM)
    about = w("record.all") if all(one.text in done for one in plan) else w(f"record.about.{now}")
    legend = f" {w('record.squares')}" if any(errors.values()) else ""
    return f'<div class="place">{rows}{fine(about + legend)}</div>'


def _row(part: str, sentences: Sequence[str], here: str, done: Collection[str], errors: Mapping[str, int], w: Wording) -> str:
    if not sentences:
        return ""
    squares = "".join(
        f'<i class="{"done" if text in done else ""}{" now" if text == here else ""}{" wrong" if errors.get(text) else ""}">'
        f"{errors.get(text, '')}</i>"
        for text in sentences
    )
    read = w("record.read", read=sum(text in done for text in sentences), of=len(sentences))
    if here in sentences:
        read += w("record.of", number=sentences.index(here) + 1)
    return (
        f'<div class="row {part}{" now" if here in sentences else ""}"><b>{escape(w(f"record.part.{part}"))}</b>'
        f'<span class="squares" aria-hidden="true">{squares}</span><span class="read">{escape(read)}</span></div>'
    )


def exam(found: Exam, is_chosen: bool, w: Wording) -> str:
    """Returns the base's errors in the exam so far; `is_chosen` if its other sentences were chosen for those errors."""
    if not found.errors:
        return fine(w("record.exam.empty"))
    counts = {"errors": sum(found.errors.values()), "words": found.words, "read": len(found.errors), "of": found.planned}
    lines = [f'<p class="count" role="status">{escape(w(f"record.exam.{found.unit}", **counts))}</p>']
    if found.is_faultless:
        lines.append(note(w("record.exam.faultless", sentences=len(found.errors)), "warning"))
    elif is_chosen:
        lines.append(fine(w("record.exam.chosen")))
    if found.retired:
        lines.append(fine(w("record.exam.retired", sentences=found.retired)))
    return f'<div class="exam">{"".join(lines)}</div>'


def take(url: str, measures: Measures, findings: Sequence[Finding], state: str, w: Wording) -> str:
    """Returns a take: its state ("received", "kept" or "kept_exam"), its sound levels, and advice for each problem."""
    received = w(f"record.{state}")
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


def heard(prompt: str, text: str, language: str, findings: Sequence[Finding], checked: bool, is_exam: bool, w: Wording) -> str:
    """Returns the base's transcript of a take with wrong words marked, and its error rates.

    The character error rate comes first, and alone, in languages that do not separate words with spaces. A suspected
    misreading of a sentence of the exam gets other advice: it is not read again.
    """
    if not normalise(prompt, language):
        return ""
    words = mark_words(prompt, text, text, language)[0]
    scored = score([prompt], [text], language)
    details = [w("rate.cer", rate=percent(scored.cer.rate))]
    if leading_measure(language) == "wer":
        details.insert(0, w("rate.wer", rate=percent(scored.wer.rate)))
    unsure = "" if checked else fine(w("record.language_unknown"))
    notes = "".join(finding(one, w) for one in findings) if checked and not is_exam else ""
    if is_exam and checked and findings:
        notes = note(w("record.exam.misread"), "warning")
    return (
        f'<div class="base-heard"><h4>{escape(w("record.heard"))}</h4><p class="heard">{marked(words, w)}</p>'
        f"{fine(w('recipe.and').join(details))}{notes}{unsure}</div>"
    )


def decibels(value: float) -> str:
    """Formats a level as a whole number with a typographic minus sign."""
    return f"{value:.0f}".replace("-", "−")
