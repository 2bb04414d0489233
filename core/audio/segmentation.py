"""Cuts long recordings at their pauses into spans that a model can transcribe and be trained on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from core.audio import activity
from core.audio.activity import HOP_SECONDS
from core.audio.sound_files import MAX_CLIP_SECONDS, SAMPLE_RATE

MIN_SECONDS = 1.0  # shorter clips lack the context that makes a transcript easy to write
TARGET_SECONDS = 15.0  # a longer span is cut at its pauses
MAX_SECONDS = MAX_CLIP_SECONDS - 2.0  # a longer span is cut even without a pause
SENTENCE_PAUSE_SECONDS = 0.7  # every pause this long is cut; speakers seldom pause this long inside a sentence
ROOMY_PAUSE_SECONDS = 2 * MIN_SECONDS  # half of it is enough to pad the shortest word
MARGIN_SECONDS = 0.2  # of the pause kept on either side, so that no soft first or last sound is lost
SEARCH_SECONDS = 3.0  # around the middle, in which speech without a pause is cut at its quietest place
QUIET_SECONDS = 0.1  # over which that place is judged
HOLE_SECONDS = 2.0  # a longer pause is searched for speech that is much quieter than the rest
LEAST_SPEECH_SECONDS = 0.5  # in such a pause; less is a breath or a click
STEADY_DB = 3.0  # 10th to 95th percentile of the levels: noise of a tap 2.7, white noise 1.0, speech in it at 0 dB 5.5 or more


@dataclass(frozen=True)
class Span:
    """A stretch of a recording.

    Attributes:
        start, end: in seconds from its beginning.
    """

    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start

    def of(self, wave: np.ndarray) -> np.ndarray:
        """Returns its samples, float32 [samples] at 16 kHz."""
        return wave[round(self.start * SAMPLE_RATE) : round(self.end * SAMPLE_RATE)]


def segment(wave: np.ndarray) -> list[Span]:
    """Cuts a recording at its pauses (see `core.audio.activity`).

    1. It is cut at every pause of 0.7 s or more, unless that leaves less than 1 s, and at every one of 2 s.
    2. Spans still over 15 s are cut at their longest pause, repeatedly.
    3. Speech without any pause may last 28 s; beyond that it is cut in two at its quietest place near the middle.
    4. Pauses of over 2 s are searched again, for speech too quiet to stand out in the whole recording.
    5. Silence at the ends of a span is trimmed to 0.2 s, and no span is shorter than 1 s unless the recording is.

    The same samples give the same spans; they are in order and do not overlap.

    Args:
        wave: float32 [samples] at 16 kHz.

    Returns:
        Spans of 1 to 15 s, up to 28 s without a pause; none if there is no speech.
    """
    return _cut(wave, activity.levels(wave), MARGIN_SECONDS)


def pieces(wave: np.ndarray) -> list[Span]:
    """Cuts a recording that is too long for a model into pieces for it to transcribe.

    It is cut where `segment` cuts it, but only pauses of over 2 s are shortened: a person decides about a span, and nobody
    looks at what a piece leaves out. Pieces in which nothing stands out from the noise are left out: the model would invent
    words. Longer pieces would lose words, since a model that is given loud and quiet speech at once leaves out the quiet.

    Args:
        wave: float32 [samples] at 16 kHz.

    Returns:
        Pieces of 1 to 17 s, up to 30 s without a pause, in order; none if there is no speech.
    """
    levels = activity.levels(wave)
    spans = _cut(wave, levels, HOLE_SECONDS / 2)
    return [span for span in spans if _stands_out(levels[round(span.start / HOP_SECONDS) : round(span.end / HOP_SECONDS)])]


def _cut(wave: np.ndarray, levels: np.ndarray, margin: float) -> list[Span]:
    shorter = [piece for part in _at_sentences(_speech(levels)) for piece in _at_longest_pauses(part)]
    runs = [run for piece in shorter for run in _at_quietest(piece, levels)]
    return _with_margins(runs, len(wave) / SAMPLE_RATE, margin) if runs else []


def _speech(levels: np.ndarray) -> list[tuple[int, int]]:
    """Returns the stretches of speech, including those in long pauses that only a second, closer look finds.

    One threshold for a whole recording misses a speaker who is far from the microphone if another one is close to it.
    """
    found = activity.runs(activity.active(levels))
    edges = [0, *(edge for run in found for edge in run), len(levels)]
    quiet = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if (end - start) * HOP_SECONDS >= HOLE_SECONDS and _stands_out(levels[start:end]):
            inner = activity.runs(activity.active(levels[start:end]))
            if sum(last - first for first, last in inner) * HOP_SECONDS >= LEAST_SPEECH_SECONDS:
                quiet += [(start + first, start + last) for first, last in inner]
    return sorted([*found, *quiet])


def _stands_out(levels: np.ndarray) -> bool:
    """Whether anything rises above the noise, as speech would."""
    low, high = np.percentile(levels, [activity.NOISE_PERCENTILE, activity.SPEECH_PERCENTILE])
    return bool(high - low >= STEADY_DB)


def _at_sentences(speech: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    pieces = [[run] for run in speech[:1]]
    for before, run in pairwise(speech):
        pause = (run[0] - before[1]) * HOP_SECONDS
        if pause >= ROOMY_PAUSE_SECONDS or (pause >= SENTENCE_PAUSE_SECONDS and not _is_short(pieces[-1])):
            pieces.append([run])
        else:
            pieces[-1].append(run)
    if len(pieces) > 1 and _is_short(pieces[-1]):
        pause = (pieces[-1][0][0] - pieces[-2][-1][1]) * HOP_SECONDS
        if pause < ROOMY_PAUSE_SECONDS:
            last = pieces.pop()
            pieces[-1] += last
    return pieces


def _at_longest_pauses(piece: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Splits spans over the target at their longest pause; of equally long ones, at the one nearest the middle."""
    done, waiting = [], [piece]
    while waiting:
        piece = waiting.pop()
        best = None
        if _seconds(piece) + 2 * MARGIN_SECONDS > TARGET_SECONDS:
            middle = (piece[0][0] + piece[-1][1]) / 2
            for i in range(1, len(piece)):
                if min(_seconds(piece[:i]), _seconds(piece[i:])) >= MIN_SECONDS:
                    begins, ends = piece[i - 1][1], piece[i][0]
                    rank = (ends - begins, -abs((begins + ends) / 2 - middle))
                    best = max(best or (rank, i), (rank, i))
        if best is None:
            done.append(piece)
        else:
            waiting += [piece[best[1] :], piece[: best[1]]]
    return done


def _at_quietest(piece: list[tuple[int, int]], levels: np.ndarray) -> list[tuple[int, int]]:
    """Returns a piece as one stretch of frames, or as several if it is longer than a span may be."""
    start, end = piece[0][0], piece[-1][1]
    if (end - start) * HOP_SECONDS <= MAX_SECONDS - 2 * MARGIN_SECONDS:
        return [(start, end)]
    width, reach = round(QUIET_SECONDS / HOP_SECONDS), round(SEARCH_SECONDS / HOP_SECONDS)
    middle = (start + end) // 2
    power = 10 ** (levels[middle - reach : middle + reach] / 10)
    at = middle - reach + int(np.argmin(np.convolve(power, np.ones(width), "valid"))) + width // 2
    return [*_at_quietest([(start, at)], levels), *_at_quietest([(at, end)], levels)]


def _with_margins(runs: list[tuple[int, int]], seconds: float, margin: float) -> list[Span]:
    """Adds a margin on either side, and as much more as makes a short span 1 s long, each within half the pause."""
    times = [(start * HOP_SECONDS, min(end * HOP_SECONDS, seconds)) for start, end in runs]
    edges = [0.0, *((before[1] + after[0]) / 2 for before, after in pairwise(times)), seconds]
    spans = []
    for (start, end), low, high in zip(times, edges, edges[1:], strict=False):
        start, end = max(low, start - margin), min(high, end + margin)
        lacking = MIN_SECONDS - (end - start)
        if lacking > 0:
            start = max(low, start - max(lacking / 2, lacking - (high - end)))
            end = min(high, max(end, start + MIN_SECONDS))
        spans.append(Span(round(start, 3), round(end, 3)))
    return spans


def _is_short(piece: list[tuple[int, int]]) -> bool:
    return _seconds(piece) + 2 * MARGIN_SECONDS < MIN_SECONDS


def _seconds(piece: list[tuple[int, int]]) -> float:
    return (piece[-1][1] - piece[0][0]) * HOP_SECONDS
