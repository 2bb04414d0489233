"""Subtitles: SRT, WebVTT, and what Whisper prints; with the repeated lines of automatic captions.

https://www.w3.org/TR/webvtt1/
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, replace
from itertools import pairwise

from core.data.importers.texts.timed_texts import Piece
from core.data.importers.times import parse

SUFFIXES = frozenset({".srt", ".vtt"})
MIN_LONGER = 2  # cues shown after the next begins that are a habit; a single one may be two people at once
TOUCHING_SECONDS = 0.1  # between two cues of which the second scrolls the first up

_ARROW = "-->"
_TIMES = re.compile(r"(?P<bracket>\[?)\s*(?P<start>[0-9:.,]+)\s*-->\s*(?P<end>[0-9:.,]+)(?:\]|(?=\s)|$)(?P<rest>.*)")
_NUMBER = re.compile(r"\s*[0-9]+\s*")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^\s<>][^<>]*)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<[0-9:.]+>|\{\\[^{}]*\}|\{[A-Za-z]:[^{}]*\}|\\[Nh]")
_DASH = re.compile(r"^[-–—]\s*(?=[^\W\d_])")  # before what each of two people says


@dataclass(frozen=True)
class _Cue:
    line: int
    times: tuple[float, float] | None
    lines: tuple[str, ...]  # without tags, none of them empty
    speaker: str


def subtitles(text: str) -> tuple[list[Piece], bool] | None:
    """Reads subtitles.

    Lines that only repeat the cue before, as automatic captions scroll, are left out. If most cues are shown until after the
    next begins, they end there.

    Args:
        text: of the file, with "\\n" between its lines.

    Returns:
        The cues, and whether repetitions or ends were changed; None if there is no cue.
    """
    cues = _cues(text)
    if not cues:
        return None
    once = _unrolled(cues)
    apart = _until_the_next(once)
    pieces = [Piece(cue.line, cue.times, " ".join(cue.lines), cue.speaker) for cue in apart]
    return pieces, apart != cues


def _cues(text: str) -> list[_Cue]:
    lines = text.removeprefix("\ufeff").split("\n")
    blank_ends = lines[0].startswith("WEBVTT")
    begins = [number for number, line in enumerate(lines) if _ARROW in line]
    cues = []
    for at, following in pairwise([*begins, len(lines)]):
        said = lines[at + 1 : following]
        if blank_ends:  # after it there may be the next cue's name, or a comment
            said = said[: said.index("")] if "" in said else said
        elif following < len(lines) and said and _NUMBER.fullmatch(said[-1]):
            said.pop()  # of the next cue
        found = _TIMES.fullmatch(lines[at].strip())
        if found and found["bracket"]:
            said = [found["rest"], *said]
        voices = {name.strip() for line in said for name in _VOICE.findall(line)}
        cleaned = (_DASH.sub("", html.unescape(_TAG.sub(_space, line)).strip()) for line in said)
        speaker = html.unescape(voices.pop()) if len(voices) == 1 else ""
        cues.append(_Cue(at + 1, _times(found), tuple(" ".join(line.split()) for line in cleaned if line.strip()), speaker))
    return cues


def _space(tag: re.Match[str]) -> str:
    return " " if tag[0].startswith("\\") else ""


def _times(found: re.Match[str] | None) -> tuple[float, float] | None:
    try:
        start, end = (parse(found[name]) if found else None for name in ("start", "end"))
    except ValueError:
        return None
    return (start.value, end.value) if start and end else None


def _unrolled(cues: list[_Cue]) -> list[_Cue]:
    """Removes from each cue the lines that the one before showed last, if the file scrolls."""
    repeated = [0, *(_repeated(one, other) for one, other in pairwise(cues))]
    growing = sum(0 < count < len(cue.lines) for count, cue in zip(repeated, cues, strict=True))
    if not growing or 2 * sum(map(bool, repeated)) < len(cues) - 1:
        return cues
    rest = (replace(cue, lines=cue.lines[count:]) for count, cue in zip(repeated, cues, strict=True))
    return [cue for cue, count in zip(rest, repeated, strict=True) if cue.lines or not count]


def _repeated(before: _Cue, cue: _Cue) -> int:
    """Returns how many lines at a cue's start are the last ones of the cue before."""
    if not before.times or not cue.times or cue.times[0] > before.times[1] + TOUCHING_SECONDS:
        return 0
    most = min(len(before.lines), len(cue.lines))
    return next((count for count in range(most, 0, -1) if before.lines[-count:] == cue.lines[:count]), 0)


def _until_the_next(cues: list[_Cue]) -> list[_Cue]:
    """Ends each cue where the next begins, if most are shown for longer."""
    longer = sum(_is_longer(one, other) for one, other in pairwise(cues))
    if longer < MIN_LONGER or 2 * longer <= len(cues) - 1:
        return cues
    return [
        replace(one, times=(one.times[0], other.times[0])) if one.times and other.times and _is_longer(one, other) else one
        for one, other in pairwise(cues)
    ] + cues[-1:]


def _is_longer(cue: _Cue, following: _Cue) -> bool:
    return bool(cue.times and following.times and cue.times[0] < following.times[0] < cue.times[1])
