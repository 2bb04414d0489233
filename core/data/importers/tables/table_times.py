"""Parts of recordings in a table: its columns with times, and their unit, which is decided for the whole table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from core.audio.sound_files import MAX_SECONDS, MIN_SECONDS, OVERSHOOT_SECONDS, SAMPLE_RATE, AudioInfo
from core.data.importers.times import COLUMNS, MILLISECONDS, SAMPLES, SECONDS, Time, parse, span
from core.errors import AttuneError, DatasetError

# Characters a second, from a word and a long pause to the fastest speech. The same text cannot be so in seconds and in
# milliseconds, so that most tables need no look at their recordings.
MIN_RATE, MAX_RATE = 0.2, 60.0
CUT_MARGIN_SECONDS = 0.05  # by which a sound's length may differ from that of the part that it is
LENGTH_MARGIN = 0.05  # of a recording's length: lists are made before silence is trimmed, and codecs add padding

Timed = tuple[str, str, Mapping[str, Time]]  # path and text of a row, and its times by our names of the columns


def times_of(fields: Mapping[str, str]) -> dict[str, Time]:
    """Reads the times of a row.

    Args:
        fields: of the row, by our names.

    Raises:
        DatasetError: one is no time. A duration without a start is left out then, since it is not needed.
    """
    times: dict[str, Time] = {}
    for name in COLUMNS:
        try:
            time = parse(fields.get(name, ""))
        except ValueError:
            if name == "duration" and not is_part(times):
                continue
            value = fields[name][:100]
            raise DatasetError(
                "row_times", f"the {name} is no time in seconds or as h:m:s: {value!r}.", name=name, value=value
            ) from None
        if time is not None:
            times[name] = time
    return times


def is_part(times: Mapping[str, Time]) -> bool:
    """Whether a row says where in its recording it is; a duration alone does not."""
    return bool(times.keys() - {"duration"})


def part(times: Mapping[str, Time], unit: str, sample_rate: int) -> tuple[float, float | None]:
    """Returns where a row's part starts and ends, in seconds; None for the recording's end.

    Raises:
        DatasetError: it does not end after its start, or does not say where it ends.
    """
    start, end = span(times, unit, sample_rate)
    if math.isinf(end) and "offset" not in times:
        raise DatasetError("row_no_end", f"it starts at {start:.2f} s, but it has neither an end nor a duration.")
    if end <= start:
        raise DatasetError("row_times_order", f"it starts at {start:.2f} s and ends at {end:.2f} s.")
    return start, None if math.isinf(end) else end


def unit_of(rows: Sequence[Timed], info_of: Callable[[str], AudioInfo]) -> str:
    """Returns the unit of the times that do not tell theirs: the one in which most rows fit their recordings and texts.

    Args:
        rows: some of a table.
        info_of: returns what the header of a row's sound says, or raises AttuneError.
    """
    unclear = [row for row in rows if is_part(row[2]) and not all(time.unit for time in row[2].values())]
    if 2 * sum(_is_speech(text, *span(times, SECONDS, SAMPLE_RATE)) for _, text, times in unclear) >= len(unclear):
        return SECONDS
    fitting = dict.fromkeys((SECONDS, MILLISECONDS, SAMPLES), 0)
    for path, text, times in unclear:
        try:
            info = info_of(path)
        except AttuneError:  # reported for its row
            continue
        last = (info.seconds or math.inf) + OVERSHOOT_SECONDS
        for unit in fitting:
            start, end = span(times, unit, info.sample_rate)
            fitting[unit] += _is_speech(text, start, end) and end <= last
    return max(fitting, key=lambda unit: fitting[unit])  # of equal ones the first


def was_cut_before(info: AudioInfo, start: float, end: float) -> bool:
    """Whether a sound file is the part itself, cut from a longer recording: as long as it, but ending before it does."""
    return end > info.seconds + OVERSHOOT_SECONDS and abs(end - start - info.seconds) <= CUT_MARGIN_SECONDS


def is_as_long(info: AudioInfo, length: Time) -> bool:
    """Whether a sound file has the length that its row says, in any unit if the row tells none."""
    said = [length.seconds(unit, info.sample_rate) for unit in (SECONDS, MILLISECONDS, SAMPLES)]
    margin = max(OVERSHOOT_SECONDS, LENGTH_MARGIN * info.seconds)
    return not info.seconds or any(abs(seconds - info.seconds) <= margin for seconds in said)


def _is_speech(text: str, start: float, end: float) -> bool:
    seconds = end - start
    return MIN_SECONDS <= seconds <= MAX_SECONDS and MIN_RATE <= len(text) / seconds <= MAX_RATE
