"""Times as other programs write them: which columns hold them, in which unit, and where parts of a recording overlap."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

SECONDS, MILLISECONDS, SAMPLES = "s", "ms", "samples"
OVERLAP_SECONDS = 0.5  # that two parts may share, and never more than half of the shorter: annotators leave margins
MAX_CHARACTERS = 40  # of a written time

# Our name of a column -> the word for it in others' names, without those in `_AROUND` and the unit. `offset` is NeMo's:
# without a duration it means the rest of the recording. Beside an `onset` it is where the part ends (DCASE, BIDS).
COLUMNS = {
    "start": (
        *("start", "begin", "onset", "starttime", "begintime", "xmin", "tmin", "frame_offset"),
        *("开始", "开始时间", "起始时间"),
    ),
    "offset": ("offset",),
    "end": ("end", "stop", "endtime", "stoptime", "xmax", "tmax", "结束", "结束时间", "终止时间"),
    "duration": ("duration", "dur", "length", "num_samples", "n_samples", "num_frames", "n_frames", "时长", "持续时间"),
}
_KNOWN = {word: ours for ours, words in COLUMNS.items() for word in words}
_AROUND = frozenset({"time", "timestamp", "t", "at", "segment", "seg", "audio", "clip", "utterance", "utt"})
_UNITS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds", "秒"), SECONDS),
    **dict.fromkeys(("ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds", "毫秒"), MILLISECONDS),
    **dict.fromkeys(("sample", "samples"), SAMPLES),
    **dict.fromkeys(("frame", "frames"), ""),  # samples for some programs, 10 ms for others
}
_NUMBER = re.compile(r"([+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?)\s*([^\W\d_]*)")
_CLOCK = re.compile(r"(?:([0-9]+):)?([0-9]+):([0-9]{1,2}(?:[.,][0-9]*)?)")


@dataclass(frozen=True)
class Time:
    """A time as it is written.

    Attributes:
        value: the number; seconds, if it is written as h:m:s.
        unit: `SECONDS`, `MILLISECONDS` or `SAMPLES`; "" if the source does not say.
    """

    value: float
    unit: str

    def seconds(self, unit: str, sample_rate: int) -> float:
        """Returns the time in seconds.

        Args:
            unit: that of a time without one.
            sample_rate: of the sound file, in Hz.
        """
        return self.value / {SECONDS: 1, MILLISECONDS: 1000, SAMPLES: sample_rate}[self.unit or unit]


def parse(text: str) -> Time | None:
    """Reads a time: a number with a point or a comma, perhaps with its unit, or h:m:s; None if there is none.

    Raises:
        ValueError: it is something else, negative, or not finite.
    """
    text = text.strip()
    if not text:
        return None
    if len(text) <= MAX_CHARACTERS and (clock := _CLOCK.fullmatch(text)):
        hours, minutes, seconds = clock[1], int(clock[2]), float(clock[3].replace(",", "."))
        if seconds < 60 and (hours is None or minutes < 60):
            return Time(3600 * int(hours or 0) + 60 * minutes + seconds, SECONDS)
    elif len(text) <= MAX_CHARACTERS and (number := _NUMBER.fullmatch(text)):
        value, unit = float(number[1].replace(",", ".")), number[2].lower()
        if value >= 0 and math.isfinite(value) and (not unit or _UNITS.get(unit)):
            return Time(value, _UNITS.get(unit, ""))
    raise ValueError(text)


def with_unit(text: str, column: str) -> str:
    """Returns a cell with the unit that its column's name tells, as in start_ms, if it is a number without one."""
    unit = _split(column)[1]
    number = _NUMBER.fullmatch(text.strip())
    return f"{number[1]} {unit}" if unit and number and not number[2] else text


def time_columns(there: Collection[str]) -> dict[str, str]:
    """Returns our names of the columns with times -> the source's; of several, the one whose name tells its unit."""
    order = list(_KNOWN)
    words = {name: _split(name) for name in there}
    words = {name: (word, unit) for name, (word, unit) in words.items() if word in _KNOWN}
    words = dict(sorted(words.items(), key=lambda item: (not item[1][1], order.index(item[1][0]))))
    found: dict[str, str] = {}
    for name, (word, _) in words.items():
        ends = word == "offset" and any(other == "onset" for other, _ in words.values())
        found.setdefault("end" if ends else _KNOWN[word], name)
    if "start" in found:
        found.pop("offset", None)
    return found


@lru_cache(100)  # asked for every cell
def _split(column: str) -> tuple[str, str]:
    """Returns the word for what a column holds, and its unit, such as "start" and "ms" of start_time_ms."""
    words = re.findall(r"[^\W_]+", column.lower())
    unit = next((_UNITS[word] for word in words[1:] if word in _UNITS), "")
    if "_".join(words) in _KNOWN:
        return "_".join(words), unit
    return "_".join(word for word in words if word not in _AROUND and word not in _UNITS), unit


@dataclass
class Parts:
    """The parts of recordings that were used so far."""

    _of: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, sound: str, start: float, end: float) -> tuple[float, float] | None:
        """Adds a part, unless it overlaps an earlier one by more than annotators' margins.

        Args:
            sound: the recording's path.
            start: in seconds.
            end: in seconds.

        Returns:
            The earlier part that it overlaps, or None if it was added.
        """
        parts = self._of.setdefault(sound, [])
        at = bisect_left(parts, (start, end))
        for earlier in parts[max(0, at - 1) : at + 1]:
            shared = min(end, earlier[1]) - max(start, earlier[0])
            if shared > min(OVERLAP_SECONDS, (end - start) / 2, (earlier[1] - earlier[0]) / 2):
                return earlier
        parts.insert(at, (start, end))
        return None


def span(times: Mapping[str, Time], unit: str, sample_rate: int) -> tuple[float, float]:
    """Returns start and end in seconds; infinity for the recording's end.

    Args:
        times: by our names of the columns, see `COLUMNS`.
        unit: of the times that have none.
        sample_rate: of the sound file, in Hz.
    """
    seconds = {name: time.seconds(unit, sample_rate) for name, time in times.items()}
    start = seconds.get("start", seconds.get("offset", 0.0))
    return start, seconds.get("end", start + seconds.get("duration", math.inf))
